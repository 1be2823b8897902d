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

const BEGIN = `
Start with \`catchd init\`. To see a complete login on this machine: \`catchd demo\`.`

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
  const failure = error instanceof CommanderError ? usageError(error, argv, program) : error
  // A wrong command line has nothing to do with the daemon.
  if (failure instanceof CatchdError && failure.code === 'request_invalid') return printFailure(failure, json)
  const { settingsNote } = await import('./settings-note.js')
  return printFailure(failure, json, await settingsNote(context))
}

function usageError(
  error: CommanderError,
  argv: readonly string[],
  program: CommandUnknownOpts | undefined,
): CatchdError {
  const [problem = '', ...hints] = error.message.replace(/^error: /, '').split('\n')
  const [name, second] = argv.filter((word) => !word.startsWith('-'))
  const command = program?.commands.find((known) => known.name() === name)
  const subcommand = command?.commands.find((known) => known.name() === second)
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
