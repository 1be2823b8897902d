/**
 * The long way of a command line: commander parses it, the one command's file is loaded, its failure becomes
 * text and an exit code.
 */
import { Command, CommanderError } from 'commander'
import { suggestion } from '../config/suggestion.js'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import { COMMANDS } from './commands.js'
import { Context } from './context.js'
import { printFailure } from './failure-output.js'
import { Interrupted } from './interruption.js'

/** Whoever reads the list may be here for the first time. */
const BEGIN = `
Begin with \`catchd init\`, or see a whole login on this machine alone: \`catchd demo\`.`

/**
 * Sets `process.exitCode`; never throws.
 *
 * @param argv - Without the program's own two words.
 * @param mainFile - The program, to be started again as the daemon.
 */
export async function runCommandLine(argv: readonly string[], mainFile: string): Promise<void> {
  let program: Command | undefined
  try {
    program = await buildProgram(argv, new Context(mainFile))
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    process.exitCode = endOf(error, argv, program)
  }
}

async function buildProgram(argv: readonly string[], context: Context): Promise<Command> {
  const program = new Command('catchd')
    .description('Catches OAuth redirects on localhost and hands access tokens to local tools.')
    .version(VERSION, '--version')
    .helpCommand('help [command]', 'show what a command does')
    .helpOption('-h, --help', 'show this')
    .addHelpText('after', BEGIN)
    .exitOverride()
    .configureOutput({ outputError: () => {} }) // endOf says it
    .hook('preAction', (_program, command) => {
      // Help and doctor work in a bad environment, other commands do not.
      if (command.name() !== 'doctor') void context.environment
    })
  const [first, second] = argv.filter((word) => !word.startsWith('-'))
  const wanted = first === 'help' ? second : first
  if (first === 'help' && second !== undefined && !Object.hasOwn(COMMANDS, second)) {
    throw new CatchdError('request_invalid', {
      detail: `unknown command '${second}'.${suggestion(second, Object.keys(COMMANDS))}`,
      next: 'catchd help',
    })
  }
  for (const [name, row] of Object.entries(COMMANDS)) {
    const command = program.command(name).summary(row.summary).description(row.summary)
    if (name === wanted) await (await row.load())(command, context)
  }
  return program
}

function endOf(error: unknown, argv: readonly string[], program: Command | undefined): number {
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  // commander has printed the help in place of a missing subcommand.
  if (error instanceof CommanderError && error.code === 'commander.help') return 2
  const beforeCommand = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  const failure = error instanceof CommanderError ? usageError(error, argv, program) : error
  return printFailure(failure, beforeCommand.includes('--json'))
}

/** `request_invalid` is the catalogue's usage error. */
function usageError(
  error: CommanderError,
  argv: readonly string[],
  program: Command | undefined,
): CatchdError {
  const [said = '', ...meant] = error.message.replace(/^error: /, '').split('\n')
  const detail = said + nearChoice(said)
  const [name, second] = argv.filter((word) => !word.startsWith('-'))
  const command = program?.commands.find((known) => known.name() === name)
  const subcommand = command?.commands.find((known) => known.name() === second)
  return new CatchdError('request_invalid', {
    detail: [detail, ...meant.map((line) => line.replace(/^\((.*)\)$/, '$1'))].join('. '),
    next:
      subcommand === undefined
        ? ['catchd help', command?.name()].filter((word) => word !== undefined).join(' ')
        : `catchd ${command?.name()} ${subcommand.name()} --help`,
  })
}

/** commander suggests near names of commands and options, and not of choices. */
function nearChoice(said: string): string {
  const [, word = '', choices = ''] = /'([^']*)' is invalid.* Allowed choices are (.*)\.$/.exec(said) ?? []
  return suggestion(word, choices.split(', '))
}
