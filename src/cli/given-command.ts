/**
 * Says a failure in the words of the command line that was given: options instead of members of the API, the corrected
 * command after a misspelt word, and the way around a refused API key. Pure.
 *
 * A corrected command repeats what the user typed, so it is made only if every word is a plain name, path or URL without a
 * query. The value of `--state` belongs to another program and is never repeated.
 */
import { type CommanderError, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { DaemonError } from '../client/daemon-error.js'
import { suggestion } from '../config/suggestion.js'
import { CatchdError, FAILURES } from '../failures.js'
import { withoutVariables } from '../text/without-variables.js'
import { sentence } from './help.js'

/** What the user typed, and what catchd made of it. */
export interface GivenCommand {
  /** Without Node.js and the program. */
  readonly argv: readonly string[]
  /** `undefined` if it could not be built. */
  readonly program: CommandUnknownOpts | undefined
  /** Whether CATCHD_URL is set, so that another daemon than that of this home answers. */
  readonly isOverTcp: boolean
}

export function inWordsOf(given: GivenCommand, error: unknown): unknown {
  if (!(error instanceof CatchdError)) return error
  const said = withOptions(given, error)
  const correction = correctedCommand(given.argv, said.message)
  if (correction !== undefined) return said.saying({ next: correction })
  if (given.isOverTcp) {
    // With the same key, the command over TCP would be refused too. The socket needs no key.
    const isRefused = said.code === 'unauthorized' || said.code === 'forbidden'
    return isRefused ? said.saying({ next: withoutVariables(['CATCHD_URL'], said.next) }) : said
  }
  // Only a socket of `catchd forward` has a key, and that key may not list keys.
  return said.next === FAILURES.forbidden.next && said.code === 'forbidden'
    ? said.saying({ detail: `${said.message} ${CHOSEN_ELSEWHERE}`, next: 'catchd profile list' })
    : said
}

const CHOSEN_ELSEWHERE =
  'It is the key of "catchd forward", which runs on the machine with the daemon. Its --profiles and --actions choose what is allowed here.'

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

/** A mistake that commander found. */
export function usageError(given: GivenCommand, error: CommanderError): CatchdError {
  const first = given.argv.find((word) => !word.startsWith('-')) ?? ''
  if (error.code === 'commander.unknownCommand' && Object.hasOwn(OTHER_WORDS, first)) {
    return new CatchdError('request_invalid', {
      detail: `Unknown command '${first}'. Did you mean '${OTHER_WORDS[first]}'?`,
      next: `catchd help ${OTHER_WORDS[first]}`,
    })
  }
  const [problem = '', ...hints] = error.message.replace(/^error: /, '').split('\n')
  const { detail: place, next = helpFor(given) } = misplaced(given, error) ?? {}
  // commander writes `unknown command 'tokne'`.
  const said = [sentence(problem) + nearChoice(problem), ...hints.map(hintInWords), place]
  return new CatchdError('request_invalid', {
    detail: said.filter((part) => part !== undefined).join(' '),
    next,
  })
}

/** A word that is missing or in the wrong place: what to do about it. */
function misplaced(
  given: GivenCommand,
  { code, message }: CommanderError,
): { detail: string; next?: string } | undefined {
  const { argv } = given
  const { command, subcommand } = commandsOf(given)
  const takes = (subcommand ?? command)?.registeredArguments ?? []
  if (code === 'commander.missingArgument') {
    const isProfile = takes[0]?.description.startsWith('profile') && message.includes(`'${takes[0].name()}'`)
    return isProfile ? { detail: 'Give the name of a profile.', next: 'catchd profile list' } : undefined
  }
  // The words themselves are not repeated: one may be a secret.
  if (code === 'commander.excessArguments') return { detail: 'Put a value that contains spaces in quotes.' }
  if (code !== 'commander.unknownOption') return undefined
  const [, option = ''] = /'(-[^']*)'/.exec(message) ?? []
  const known = (subcommand ?? command)?.options.map(({ long }) => long) ?? []
  if (known.includes(`-${option}`)) return { detail: `Did you mean '-${option}'?` }
  if (takes.at(-1)?.variadic && !argv.includes('--')) {
    const isAfterName = argv.slice(0, 3).every((word) => !word.startsWith('-'))
    const words = ['catchd', ...argv.toSpliced(2, 0, '--')]
    const next = isAfterName && words.every((word) => PLAIN.test(word)) ? words.join(' ') : undefined
    return { detail: 'Put -- before the command that catchd runs.', ...(next && { next }) }
  }
  const later =
    argv[0]?.startsWith('-') &&
    argv.find((word) => given.program?.commands.some((one) => one.name() === word))
  return later ? { detail: 'Options come after the command.', next: `catchd help ${later}` } : undefined
}

/** Replaces the names of the API's members. */
function withOptions(given: GivenCommand, error: CatchdError): CatchdError {
  if (!(error instanceof DaemonError) || error.mistakes.length === 0) return error
  const { subcommand, command } = commandsOf(given)
  const options = (subcommand ?? command)?.options ?? []
  const subjectOf = (member: string) => {
    const wanted = new Option(`--${member.split('.')[0]?.replaceAll('_', '-')}`).attributeName()
    const option = options.find((known) => wanted === known.attributeName())
    // A profile and a key are named by an argument. Other members without an option come from answers, not from words.
    return option?.long ?? (/^(profile|client)$/.test(member) || member === '' ? 'The name' : member)
  }
  return error.saying({
    detail: error.mistakes.map(({ name, detail }) => ended(`${subjectOf(name)} ${detail}`)).join(' '),
    next: helpFor(given),
  })
}

function helpFor(given: GivenCommand): string {
  const { command, subcommand } = commandsOf(given)
  if (subcommand !== undefined) return `catchd ${command?.name()} ${subcommand.name()} --help`
  return command === undefined ? 'catchd help' : `catchd help ${command.name()}`
}

function commandsOf({ argv, program }: GivenCommand) {
  const [name, second] = argv.filter((word) => !word.startsWith('-'))
  const command = program?.commands.find((known) => known.name() === name)
  return { command, subcommand: command?.commands.find((known) => known.name() === second) }
}

/** The name of an option or a member stays as it is. */
function ended(text: string): string {
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

/** The word that was given and the one that was meant, in our messages and in those of commander. */
const MEANT = [
  /There is no [\w ]+ "([^"]+)"\. Did you mean "([^"]+)"\?/,
  /extends names "([^"]+)", but there is no such profile\. Did you mean "([^"]+)"\?/,
  /'([^']+)' is invalid.* Did you mean '([^']+)'\?$/,
  /'([^']+)'\. Did you mean '([^']+)'\?$/,
]
const PLAIN = /^[\w./:@%+,=-]{1,100}$/
const MOST_WORDS = 12

/** @returns The given command with the word that was meant; `undefined` if the message suggests none. */
function correctedCommand(argv: readonly string[], message: string): string | undefined {
  const [, wrong = '', meant = ''] = MEANT.map((pattern) => pattern.exec(message)).find(Boolean) ?? []
  const found = argv.flatMap((word, index) => (word === wrong || word.startsWith(`${wrong}=`) ? [index] : []))
  const [at, another] = found
  if (wrong === '' || at === undefined || another !== undefined || argv.length > MOST_WORDS) return undefined
  // Another word for a command can mean two, as in `profile list`.
  const corrected = argv.toSpliced(at, 1, ...`${meant}${(argv[at] ?? '').slice(wrong.length)}`.split(' '))
  const isPlain = corrected.every((word) => PLAIN.test(word) && !word.startsWith('--state'))
  return isPlain ? ['catchd', ...corrected].join(' ') : undefined
}
