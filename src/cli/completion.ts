/** Command `sluice completion bash|zsh`: a script for the shell, made from the commands and options there are. */
import { Argument, Command } from 'commander'

const SHELLS = ['bash', 'zsh'] as const
type Shell = (typeof SHELLS)[number]

/** The command. */
export function completionCommand(): Command {
  const command = new Command('completion')
    .description('Print a script that completes commands, options and their choices.')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(sluice completion bash)     # in ~/.bashrc\n  source <(sluice completion zsh)      # in ~/.zshrc, behind compinit',
    )
  return command.action((shell: Shell) => {
    process.stdout.write(completionScript(command.parent!, shell))
  })
}

/** The script; zsh runs the same through its bashcompinit. */
export function completionScript(program: Command, shell: Shell): string {
  const zsh = shell === 'zsh' ? 'autoload -Uz bashcompinit && bashcompinit\n' : ''
  return `${zsh}${[
    '_sluice() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" path="" at=1',
    '  COMPREPLY=()',
    '  while [ "$at" -lt "$COMP_CWORD" ]; do',
    '    case "$path ${COMP_WORDS[at]}" in',
    `      ${paths(program).map(quoted).join('|')}) path="$path \${COMP_WORDS[at]}" ;;`,
    '    esac',
    '    at=$((at + 1))',
    '  done',
    '  case "$path $before" in',
    ...choices(program),
    '  esac',
    '  case "$path" in',
    ...words(program),
    '  esac',
    '}',
    'complete -o default -F _sluice sluice',
    '',
  ].join('\n')}`
}

interface Place {
  readonly path: string
  readonly command: Command
}

/** Every command with the words that lead to it, ` topics list`. */
function places(command: Command, path = ''): readonly Place[] {
  return [{ path, command }, ...command.commands.flatMap((child) => places(child, `${path} ${child.name()}`))]
}

function paths(program: Command): readonly string[] {
  return places(program).flatMap(({ path }) => (path === '' ? [] : [path]))
}

function choices(program: Command): readonly string[] {
  return places(program).flatMap(({ path, command }) =>
    command.options.flatMap((option) =>
      option.argChoices === undefined
        ? []
        : [`    ${quoted(`${path} ${option.long!}`)}) ${reply(option.argChoices)}; return ;;`],
    ),
  )
}

function words(program: Command): readonly string[] {
  return places(program).map(({ path, command }) => {
    const options = command.options.map(({ long }) => long!)
    const values = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
    const all = [...command.commands.map((child) => child.name()), ...values, ...options, '--help']
    return `    ${quoted(path)}) ${reply(all)} ;;`
  })
}

function reply(all: readonly string[]): string {
  return `COMPREPLY=($(compgen -W "${all.join(' ')}" -- "$word"))`
}

function quoted(text: string): string {
  return `"${text}"`
}
