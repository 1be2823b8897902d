/** Failures on stderr: the cause, one command to run next, and the exit code. */
import { asCatchdError, type CatchdError, type FailureCode, toProblem } from '../failures.js'
import { printable, printableJson } from '../text/printable.js'
import { printNote } from './output.js'

/** The time of `--timeout` is over. */
export class TimedOut extends Error {
  readonly failure: CatchdError

  constructor(failure: CatchdError) {
    super(failure.message)
    this.failure = failure
  }
}

/**
 * @param json - Print problem details on one line, for programs, instead of text.
 * @param note - What else the user should know. For programs, the member `note`.
 * @returns The exit code.
 */
export function printFailure(thrown: unknown, json: boolean, note?: string): number {
  const failure = asCatchdError(thrown instanceof TimedOut ? thrown.failure : thrown)
  const notes = note === undefined ? [] : [note]
  if (json) process.stderr.write(`${printableJson({ ...toProblem(failure), note })}\n`)
  else printNote([...failureText(failure).trimEnd().split('\n'), ...notes])
  return thrown instanceof TimedOut ? TIMED_OUT : failure.exitCode
}

/** The exit code of timeout(1). */
const TIMED_OUT = 124

/** Failures whose detail is a complete message. Their title would only repeat it. */
const COMPLETE_DETAIL: ReadonlySet<FailureCode> = new Set([
  'request_invalid',
  'login_expired',
  'profile_unknown',
  'client_unknown',
  'config_invalid',
  'already_running',
  'provider_unreachable',
  'api_port_in_use',
  'scope_insufficient',
  'vault_locked',
  'locked',
])

/** The message, the error of the server, and the next command. */
export function failureText(failure: CatchdError): string {
  const lines = [messageOf(failure)]
  const said = [failure.error, failure.errorDescription].filter((part) => part !== undefined).join(': ')
  if (said !== '' && !lines[0]?.includes(failure.error ?? said)) lines.push(`  the server said ${said}`)
  const place = failure.code === 'internal' ? placeOf(failure.cause) : undefined
  if (place !== undefined) lines.push(`  ${place}`)
  lines.push(`  → ${failure.next}`)
  return lines.map((line) => `${printable(line)}\n`).join('')
}

/** The cause and the next command on one line without a line end, for protocols with a field for a message. */
export function failureLine(failure: CatchdError): string {
  return printable(`${messageOf(failure)} → ${failure.next}`)
}

/** `catchd: <title>: <detail>`, or only one of the two. A text that begins with the name of the program needs no other. */
function messageOf(failure: CatchdError): string {
  const { title } = toProblem(failure)
  const { detail = title } = failure
  const text = detail === title || COMPLETE_DETAIL.has(failure.code) ? detail : `${title}: ${detail}`
  return text.startsWith('catchd ') ? text : `catchd: ${text}`
}

/** For a bug report: the kind and the place of an error, without its message, which may contain a secret. */
function placeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  const frame = cause.stack?.split('\n').find((line) => line.startsWith('    at '))
  return [cause.name, frame?.trim()].filter((part) => part !== undefined).join(' ')
}
