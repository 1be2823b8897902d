/**
 * The full command line: commander parses it, only the file of the given command is loaded, and its failure becomes
 * text and an exit code. src/fast-path has shorter ways for two frequent commands.
 */
import { type Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { suggestion } from '../config/suggestion.js'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import { COMMANDS, defineCommand } from './commands.js'
import { Context, Interrupted } from './context.js'
import { printFailure } from './failure-output.js'
import { CatchdCommand, markMostUsed, widthOf } from './help.js'

/**
 * Sets `process.exitCode`; never throws.
 *
 * @param argv - Without Node.js and the program.
 * @param mainFile - The program, to start it again as the daemon.
 */
export async function runCommandLine(argv: readonly string[], mainFile: string): Promise<void> {
  const context = new Context(mainFile)
  let program: CommandUnknownOpts | undefined
  try {
    program = await buildProgram(argv, context)
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = await exitCodeOf(error, argv, program, context)
  }
}

/** They work with invalid environment variables. Others do not. */
const WITHOUT_ENVIRONMENT = new Set(['doctor', 'help', 'version'])

async function buildProgram(argv: readonly string[], context: Context): Promise<Command> {
  const program = new CatchdCommand('catchd')
    .usage('<command> [options]')
    .description('Receives OAuth redirects on localhost and gives access tokens to local tools.')
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show this')
    .exitOverride()
    .configureOutput({
      outputError: () => {}, // exitCodeOf prints it
      getOutHelpWidth: () => widthOf(process.stdout),
      getErrHelpWidth: () => widthOf(process.stderr),
    })
    .hook('preAction', (_program, command) => {
      if (!WITHOUT_ENVIRONMENT.has(command.name())) void context.environment
    })
  const wanted = argv.find((word) => !word.startsWith('-'))
  for (const [name, { summary, group, isMostUsed }] of Object.entries(COMMANDS)) {
    const command = program.command(name).summary(summary).helpGroup(`${group}:`)
    if (isMostUsed) markMostUsed(command)
    if (name === wanted) await defineCommand(command, context)
  }
  return program
}

/** Commands that people try because another program has them. */
export const OTHER_WORDS: Readonly<Record<string, string>> = {
  add: 'profile add',
  get: 'token',
  keys: 'client list',
  list: 'profile list',
  log: 'daemon logs',
  logs: 'daemon logs',
  ls: 'profile list',
  profiles: 'profile list',
  remove: 'profile remove',
  restart: 'daemon restart',
  rm: 'profile remove',
  setup: 'init',
  start: 'daemon start',
  stop: 'daemon stop',
  whoami: 'status',
}

async function exitCodeOf(
  error: unknown,
  argv: readonly string[],
  program: CommandUnknownOpts | undefined,
  context: Context,
): Promise<number> {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  // A subcommand is missing. commander has printed the help.
  if (error instanceof CommanderError && error.code === 'commander.help') return 2
  const beforeCommand = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  const json = beforeCommand.includes('--json')
  // The command did not run.
  if (error instanceof CommanderError) return printFailure(usageError(error, argv, program), json)
  const { settingsNote } = await import('./settings-note.js')
  return printFailure(error, json, await settingsNote(context))
}

function usageError(
  error: CommanderError,
  argv: readonly string[],
  program: CommandUnknownOpts | undefined,
): CatchdError {
  const [problem = '', ...hints] = error.message.replace(/^error: /, '').split('\n')
  const [name = '', second] = argv.filter((word) => !word.startsWith('-'))
  const command = program?.commands.find((known) => known.name() === name)
  const subcommand = command?.commands.find((known) => known.name() === second)
  if (
    error.code === 'commander.unknownCommand' &&
    command === undefined &&
    Object.hasOwn(OTHER_WORDS, name)
  ) {
    return new CatchdError('request_invalid', {
      detail: `Unknown command '${name}'. Did you mean '${OTHER_WORDS[name]}'?`,
      next: `catchd help ${OTHER_WORDS[name]}`,
    })
  }
  return new CatchdError('request_invalid', {
    detail: [sentence(problem) + nearChoice(problem), ...hints.map(hintInWords)].join(' '),
    next:
      subcommand === undefined
        ? ['catchd help', command?.name()].filter((word) => word !== undefined).join(' ')
        : `catchd ${command?.name()} ${subcommand.name()} --help`,
  })
}

/** commander writes `unknown command 'tokne'`. */
function sentence(problem: string): string {
  const text = problem.charAt(0).toUpperCase() + problem.slice(1)
  return /[.?!]$/.test(text) ? text : `${text}.`
}

/** commander writes `(Did you mean token?)`. */
function hintInWords(line: string): string {
  return line.replace(/^\((.*)\)$/, '$1').replace(/^Did you mean (\S+)\?$/, "Did you mean '$1'?")
}

/** commander suggests similar names of commands and options, but not of choices. */
function nearChoice(problem: string): string {
  const [, word = '', choices = ''] = /'([^']*)' is invalid.* Allowed choices are (.*)\.$/.exec(problem) ?? []
  return suggestion(word, choices.split(', ')).replaceAll('"', "'")
}
