/**
 * Reads source files into what the architecture rules look at: what a file imports, its code without comments and
 * literals, its length, its first line. A scanner, not a parser: it must stay fast enough to run with every test run.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'

export interface SourceFile {
  /** From the root of the repository, with forward slashes: `src/core/clock.ts`. */
  readonly path: string
  /** Paths of our own files it imports, statically, dynamically or for types only. */
  readonly imports: readonly string[]
  /** Everything else it imports: packages and modules of Node, as named. */
  readonly packages: readonly string[]
  /** The text with comments blanked and every string, template and regular expression emptied. */
  readonly code: string
  readonly lines: number
  readonly saysWhatItIsFor: boolean
}

const comment = String.raw`\/\*[\s\S]*?\*\/|\/\/[^\n]*`
const text = String.raw`'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|` + '`(?:\\\\[\\s\\S]|[^`\\\\])*`'
const pattern = String.raw`(?<=[(,=:[!&|?{};>]\s*|\breturn\s+)\/(?![*\/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\/\\\n[])+\/`
const token = new RegExp(`(?<comment>${comment})|(?<text>${text})|(?<pattern>${pattern})`, 'g')

const importing = /\b(?:from|import)\s*\(?\s*'(\d+)'/g
const heading = /^(?:#![^\n]*\n)?\s*(?:\/\/[ \t/]*\w|\/\*(?:(?!\*\/)[\s*])*\w)/

/** The public names of the package, for a file that imports it by name. */
const publicNames: Readonly<Record<string, string>> = {
  sluice: 'src/index.ts',
  'sluice/embed': 'src/cli/embed.ts',
  'sluice/enrich': 'src/enrich/index.ts',
  'sluice/testing': 'src/testing/index.ts',
  'sluice/serdes': 'src/serdes/index.ts',
}

export function sourceFile(path: string, content: string): SourceFile {
  const texts: string[] = []
  const code = content.replace(token, (match: string, ...rest: unknown[]) => {
    const groups = rest.at(-1) as { readonly comment?: string; readonly text?: string }
    if (groups.comment !== undefined) return match.replace(/[^\n]/g, ' ')
    if (groups.text === undefined) return '/./'
    texts.push(match.slice(1, -1))
    return `'${texts.length - 1}'`
  })
  const specifiers = Array.from(code.matchAll(importing), ([, index]) => texts[Number(index)] ?? '')
  return {
    path,
    imports: [...new Set(specifiers.flatMap((specifier) => ownFile(path, specifier)))],
    packages: specifiers.filter((specifier) => ownFile(path, specifier).length === 0),
    code,
    lines: content.split('\n').length - (content.endsWith('\n') ? 1 : 0),
    saysWhatItIsFor: heading.test(content),
  }
}

function ownFile(importer: string, specifier: string): readonly string[] {
  if (specifier.startsWith('.')) return [posix.join(posix.dirname(importer), specifier)]
  const named = publicNames[specifier]
  return named === undefined ? [] : [named]
}

/** Every TypeScript file below the given folders; a folder that does not exist yet has none. */
export function readSources(root: URL, folders: readonly string[]): readonly SourceFile[] {
  return listFiles(root, folders)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => sourceFile(path, readFileSync(new URL(path, root), 'utf8')))
}

/** Every file below the given folders, of any kind. */
export function listFiles(root: URL, folders: readonly string[]): readonly string[] {
  const top = new Set(readdirSync(root))
  return folders
    .filter((folder) => top.has(folder))
    .flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, root), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => posix.join(folder, relativeTo(root, folder, entry.parentPath), entry.name)),
    )
    .filter((path) => !/(?:^|\/)(?:node_modules|dist)\//.test(path))
    .sort()
}

function relativeTo(root: URL, folder: string, parentPath: string): string {
  return posix.relative(new URL(folder, root).pathname, parentPath)
}
