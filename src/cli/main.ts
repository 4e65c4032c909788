#!/usr/bin/env node
/**
 * The command `sluice`. It must run on any Node, so that an old one gets a sentence instead of a stack trace: nothing is
 * imported before the version was looked at.
 */
const OLDEST = [24, 15] as const

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  const { refuseNode } = await import('./node-version.ts')
  process.exitCode = refuseNode(OLDEST.join('.'), process.versions.node)
} else {
  const { enableCompileCache } = await import('node:module')
  // Half of the start of a command is compiling; the cache lies in the temporary folder of the system.
  enableCompileCache()
  const { main } = await import('./program.ts')
  await main(process.argv)
}

export {}
