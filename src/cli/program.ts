/** All commands and what they share: how failures are printed, how unknown words are refused. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { completionCommand } from './completion.ts'
import { configCommand } from './config.ts'
import { explainCommand } from './explain.ts'
import { asSluiceError, describeFailure, EXIT_CODES, failureJson } from './failure.ts'
import { consumeCommand } from './consume.ts'
import { devCommand } from './dev.ts'
import { dlqCommand } from './dlq.ts'
import { groupsCommand, lagCommand } from './groups.ts'
import { initCommand } from './init.ts'
import { produceCommand } from './produce.ts'
import { resetCommand } from './reset.ts'
import { runCommand } from './run.ts'
import { topicsCommand } from './topics-command.ts'
import { refuseByTable } from './usage.ts'

/** Runs one command; sets the exit code of the process. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('sluice')
    .description('Kafka stream processing in which asking the outside world is an operator')
    .version(packageVersion(), '-v, --version')
    .addCommand(initCommand())
    .addCommand(runCommand())
    .addCommand(devCommand())
    .addCommand(explainCommand())
    .addCommand(configCommand())
    .addCommand(topicsCommand())
    .addCommand(produceCommand())
    .addCommand(consumeCommand())
    .addCommand(dlqCommand())
    .addCommand(groupsCommand())
    .addCommand(lagCommand())
    .addCommand(resetCommand())
    .addCommand(completionCommand())
    .addHelpText(
      'after',
      '\nExample:\n  sluice init my-app && cd my-app && npm install && npm start\n\n' +
        'Exit codes: 0 done, 1 wrong input, 2 something outside failed, 3 a bug in Sluice.',
    )
  // `| head` closes the pipe when it has seen enough: `run` then stops cleanly (signals.ts), nothing else has to.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  refuseByTable(program)
  try {
    await program.parseAsync(argv)
  } catch (thrown) {
    // Help and version end this way too, with exit code 0.
    if (thrown instanceof CommanderError) {
      process.exitCode = thrown.exitCode
      return
    }
    const error = asSluiceError(thrown)
    if (argv.includes('--json')) process.stdout.write(failureJson(error))
    process.stderr.write(describeFailure(error))
    process.exitCode = EXIT_CODES[error.domain]
  }
}

function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
