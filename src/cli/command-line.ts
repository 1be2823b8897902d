/**
 * The full command line: commander parses it, only the file of the given command is loaded, and its failure becomes
 * text and an exit code. src/fast-path has shorter ways for two frequent commands.
 */
import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { suggestion } from '../config/suggestion.js'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import { COMMANDS } from './commands.js'
import { Context, Interrupted } from './context.js'
import { printFailure } from './failure-output.js'
import { type GivenCommand, inWordsOf, usageError } from './given-command.js'

const BEGIN = `
Start with \`catchd init\`. To see a complete login on this machine: \`catchd demo\`.`

/**
 * Sets `process.exitCode`; never throws.
 *
 * @param argv - Without Node.js and the program.
 * @param mainFile - The program, to start it again as the daemon.
 */
export async function runCommandLine(argv: readonly string[], mainFile: string): Promise<void> {
  let program: CommandUnknownOpts | undefined
  try {
    program = await buildProgram(argv, new Context(mainFile))
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    const isOverTcp = Boolean(process.env['CATCHD_URL'])
    process.exitCode = exitCodeOf(error, { argv, program, isOverTcp })
  }
}

async function buildProgram(argv: readonly string[], context: Context): Promise<Command> {
  const program = new Command('catchd')
    .description('Receives OAuth redirects on localhost and gives access tokens to local tools.')
    .version(VERSION, '--version')
    .helpCommand('help [command]', 'show what a command does')
    .helpOption('-h, --help', 'show this')
    .addHelpText('after', BEGIN)
    .exitOverride()
    .configureOutput({ outputError: () => {} }) // exitCodeOf prints it
    .hook('preAction', (_program, command) => {
      // Help and doctor work with invalid environment variables, other commands do not.
      if (command.name() !== 'doctor') void context.environment
    })
  const [first, second] = argv.filter((word) => !word.startsWith('-'))
  const wanted = first === 'help' ? second : first
  if (first === 'help' && second !== undefined && !Object.hasOwn(COMMANDS, second)) {
    throw new CatchdError('request_invalid', {
      detail: `Unknown command '${second}'.${suggestion(second, Object.keys(COMMANDS)).replaceAll('"', "'")}`,
      next: 'catchd help',
    })
  }
  for (const [name, row] of Object.entries(COMMANDS)) {
    const command = program.command(name).summary(row.summary).description(row.summary)
    if (name === wanted) await (await row.load()).define(command, context)
  }
  return program
}

function exitCodeOf(error: unknown, given: GivenCommand): number {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  // A subcommand is missing. commander has printed the help.
  if (error instanceof CommanderError && error.code === 'commander.help') return 2
  const { argv } = given
  const beforeCommand = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  const failure = error instanceof CommanderError ? usageError(given, error) : error
  return printFailure(inWordsOf(given, failure), beforeCommand.includes('--json'))
}
