/** Wrong words on the command line as errors of the table, whatever the depth of the command they were given to. */
import type { Command, CommanderError } from 'commander'
import { sluiceError } from '../core/errors.ts'

/** Makes a command and all below it throw SLUICE_USAGE instead of printing and exiting. Help and version still print. */
export function refuseByTable(command: Command, path: string = command.name()): void {
  command.configureOutput({ outputError: () => {} })
  command.exitOverride((error: CommanderError) => {
    // Help and version end this way too, and help that was printed since no sub-command was named.
    if (error.exitCode === 0 || error.code === 'commander.help') throw error
    const problem = error.message.replace(/^error: /, '')
    throw sluiceError('SLUICE_USAGE', { place: path, problem, command: path }, error)
  })
  for (const child of command.commands) refuseByTable(child, `${path} ${child.name()}`)
}
