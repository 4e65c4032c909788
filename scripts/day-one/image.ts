/**
 * What `docker build` and `docker run` would do with the project's Dockerfile, by hand: no Docker is needed. Copies and commands
 * run in a folder of their own; users and volumes are left out, and that the base image exists is not shown.
 */
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Newcomer } from './newcomer.ts'
import { expect } from './steps.ts'

/** Builds into `image` and runs it until SIGTERM. */
export async function buildImage(newcomer: Newcomer, image: string): Promise<void> {
  mkdirSync(image)
  const data = join(image, 'data-volume')
  const ignored = readFileSync(join(newcomer.folder, '.dockerignore'), 'utf8').trim().split('\n')
  let command: readonly string[] = []
  for (const line of readFileSync(join(newcomer.folder, 'Dockerfile'), 'utf8').split('\n')) {
    const [, word = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    if (word === 'COPY') copy(newcomer.folder, image, rest.split(' ').slice(0, -1), ignored)
    else if (word === 'RUN') newcomer.run(here(rest, data), image)
    else if (word === 'CMD') command = (JSON.parse(rest) as string[]).map((part) => here(part, data))
    else expect(/^(?:FROM|WORKDIR|VOLUME|USER|)$/.test(word), `a known word, not ${word}`)
  }
  const [program, ...args] = command
  expect(program !== undefined, 'the Dockerfile has a command')
  const container = newcomer.start(join(image, program!), args, image)
  await container.says(/is running/)
  expect((await container.stop('SIGTERM')) === 0, 'SIGTERM ends it with 0')
}

function here(text: string, data: string): string {
  return text.replace(' && chown node:node /data', '').replace('/data', data)
}

function copy(from: string, to: string, sources: readonly string[], ignored: readonly string[]): void {
  for (const source of sources) {
    const path = join(from, source.replace('*', ''))
    cpSync(path, source === '.' ? to : join(to, source.replace('*', '')), {
      recursive: true,
      filter: (file) => !ignored.includes(relative(from, file)),
    })
  }
}
