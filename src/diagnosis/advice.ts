/** Texts for causes and exchanges, and failures with their likely cause added. Pure. */
import type { RecordedExchange } from '../authorization-server/transcript.js'
import { CatchdError } from '../failures.js'
import type { Cause } from './facts.js'

/** `A. Set "b": "c" in the profile.` */
export function causeInWords({ detail, fix: { set, register } }: Pick<Cause, 'detail' | 'fix'>): string {
  if (register !== null) return `${detail} Register exactly this at the server: ${register}`
  return set === null ? detail : `${detail} Set ${set} in the profile.`
}

/**
 * For a login at which nothing arrived: each cause with what to do, one sentence or value a line. A value that the user
 * copies is alone on its line, after two spaces.
 */
export function whileSilent(causes: readonly Pick<Cause, 'detail' | 'fix'>[]): string[] {
  return causes.flatMap(({ detail, fix: { run, set, register } }) => {
    if (register !== null)
      return [
        detail,
        'Register exactly this at the server, then open the authorization URL again:',
        `  ${register}`,
      ]
    return set === null ? [`${detail} Run: ${run}`] : [`${detail} Set ${set} in the profile. Run: ${run}`]
  })
}

/** The same failure, with the likeliest cause in its detail and the command that helps. */
export function advised(failure: CatchdError, causes: readonly Pick<Cause, 'detail' | 'fix'>[]): CatchdError {
  const [likeliest] = causes
  if (likeliest === undefined) return failure
  const { code, message, profile, error, errorDescription, evidence, cause } = failure
  return new CatchdError(code, {
    detail: `${message} Likely cause: ${causeInWords(likeliest)}`,
    // After the user registers a value at the server, a new login shows whether it works.
    next: likeliest.fix.run ?? 'catchd login {profile}',
    profile,
    error,
    errorDescription,
    evidence,
    cause,
  })
}

type ShownExchange = Omit<RecordedExchange, 'clockDifferenceSeconds'>

/** `POST as.example/token (Basic) grant_type=authorization_code  code=[secret]`, and `401  error=invalid_client`. */
export function exchangeInWords(exchange: ShownExchange): {
  readonly asked: string
  readonly answered: string
} {
  const { method, endpoint, authorization, sent, status, answered, trouble } = exchange
  const scheme = authorization === null ? '' : `  Authorization: ${authorization} [secret]`
  const answer = [status === null ? '' : String(status), pairs(answered)].filter((part) => part !== '')
  return {
    asked: `${method} ${endpoint}${scheme}  ${pairs(sent)}`.trimEnd(),
    answered: answer.length === 0 ? (trouble ?? 'no readable response') : answer.join('  '),
  }
}

function pairs(members: Readonly<Record<string, string>>): string {
  return Object.entries(members)
    .map(([name, value]) => `${name}=${value}`)
    .join('  ')
}
