/** The pictures of docs/windows.md show what its programs really do. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { windowPictures } from '../../scripts/docs/window-pictures.ts'

const images = new URL('../../docs/images/', import.meta.url)

describe('the pictures of docs/windows.md', () => {
  it('are up to date (else: npm run docs, and commit them), all shown, and no others are there', async () => {
    const pictures = await windowPictures()
    const page = readFileSync(new URL('../windows.md', images), 'utf8')
    const kept = readdirSync(images).filter((name) => name.startsWith('window-'))
    expect(kept.toSorted()).toEqual([...pictures.keys()].toSorted())
    for (const [name, svg] of pictures) {
      expect(readFileSync(new URL(name, images), 'utf8')).toBe(svg)
      expect(page).toContain(`](images/${name})`)
    }
  })
})
