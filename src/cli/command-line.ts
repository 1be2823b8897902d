/**
 * The long way of a command line: commander parses it, the one command's file is loaded, its failure becomes
 * text and an exit code.
 */
import { Command, CommanderError } from 'commander'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import { COMMANDS } from './commands.js'
import { Context } from './context.js'
import { printFailure } from './failure-output.js'
import { Interrupted } from './interruption.js'

/**
 * Sets `process.exitCode`; never throws.
 *
 * @param argv - Without the program's own two words.
 * @param mainFile - The program, to be started again as the daemon.
 */
export async function runCommandLine(argv: readonly string[], mainFile: string): Promise<void> {
  try {
    const program = await buildProgram(argv, new Context(mainFile))
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = endOf(error, argv)
  }
}

async function buildProgram(argv: readonly string[], context: Context): Promise<Command> {
  const program = new Command('catchd')
    .description('Catches OAuth redirects on localhost and hands access tokens to local tools.')
    .version(VERSION, '--version')
    .helpCommand('help [command]', 'show what a command does')
    .helpOption('-h, --help', 'show this')
    .exitOverride()
    .configureOutput({ outputError: () => {} }) // endOf says it
    .hook('preAction', (_program, command) => {
      // Help and doctor work in a bad environment, other commands do not.
      if (command.name() !== 'doctor') void context.environment
    })
  const [first, second] = argv.filter((word) => !word.startsWith('-'))
  const wanted = first === 'help' ? second : first
  for (const [name, row] of Object.entries(COMMANDS)) {
    const command = program.command(name).summary(row.summary).description(row.summary)
    if (name === wanted) await (await row.load())(command, context)
  }
  return program
}

function endOf(error: unknown, argv: readonly string[]): number {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  // commander has printed the help in place of a missing subcommand.
  if (error instanceof CommanderError && error.code === 'commander.help') return 2
  const beforeCommand = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  const failure = error instanceof CommanderError ? usageError(error, argv) : error
  return printFailure(failure, beforeCommand.includes('--json'))
}

/** `request_invalid` is the catalogue's usage error. */
function usageError(error: CommanderError, argv: readonly string[]): CatchdError {
  const [detail = '', ...suggestion] = error.message.replace(/^error: /, '').split('\n')
  const [name] = argv.filter((word) => !word.startsWith('-'))
  return new CatchdError('request_invalid', {
    detail: [detail, ...suggestion.map((line) => line.replace(/^\((.*)\)$/, '$1'))].join('. '),
    next: name !== undefined && Object.hasOwn(COMMANDS, name) ? `catchd help ${name}` : 'catchd help',
  })
}
