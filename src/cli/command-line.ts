/**
 * The full command line: commander parses it, only the file of the given command is loaded, and its failure becomes
 * text and an exit code. src/fast-path has shorter ways for two frequent commands.
 */
import { type Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import { COMMANDS, defineCommand } from './commands.js'
import { Context, Interrupted } from './context.js'
import { printFailure } from './failure-output.js'
import { type GivenCommand, inWordsOf, usageError } from './given-command.js'
import { CatchdCommand, markMostUsed, widthOf } from './help.js'

/**
 * Sets `process.exitCode`; never throws.
 *
 * @param given - Without Node.js and the program.
 * @param mainFile - The program, to start it again as the daemon.
 */
export async function runCommandLine(given: readonly string[], mainFile: string): Promise<void> {
  const argv = withHelpFirst(given)
  const context = new Context(mainFile)
  let program: CommandUnknownOpts | undefined
  try {
    program = await buildProgram(argv, context)
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    const isOverTcp = Boolean(process.env['CATCHD_URL'])
    process.exitCode = await exitCodeOf(error, { argv, program, isOverTcp }, context)
  }
}

/** `--help login` and `profile --help add` ask for what comes after, like `help login` and `help profile add`. */
function withHelpFirst(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((word) => word === '--help' || word === '-h')
  const words = argv.toSpliced(at, 1)
  const isBeforeCommand = (at === 0 || at === 1) && at < words.length
  return isBeforeCommand && words.every((word) => !word.startsWith('-')) ? ['help', ...words] : argv
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

async function exitCodeOf(error: unknown, given: GivenCommand, context: Context): Promise<number> {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  // A subcommand is missing. commander has printed the help.
  if (error instanceof CommanderError && error.code === 'commander.help') return 2
  const { argv } = given
  const beforeCommand = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  const json = beforeCommand.includes('--json')
  const failure = inWordsOf(given, error instanceof CommanderError ? usageError(given, error) : error)
  // A wrong command line has nothing to do with the daemon.
  if (failure instanceof CatchdError && failure.code === 'request_invalid') return printFailure(failure, json)
  const { settingsNote } = await import('./settings-note.js')
  return printFailure(failure, json, await settingsNote(context))
}
