/**
 * How the last login of a profile ended, and why. The running daemon remembers it; it is never started for this.
 *
 * The exchanges with the server are shown as the daemon reports them, without secrets.
 */

import type { LoginAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { causeInWords, exchangeInWords } from '../diagnosis/advice.js'
import { type Finding, ok, warn } from './finding.js'

/** @returns No findings if the daemon remembers no login, is too old, or does not allow this API key to ask. */
export async function examineLastLogin(
  name: string,
  client: Pick<CatchdClient, 'logins'>,
): Promise<Finding[]> {
  try {
    const logins = await client.logins(name)
    const last = logins.find(({ status }) => status !== 'pending' && status !== 'exchanging')
    return last === undefined ? [] : judgeLastLogin(last)
  } catch {
    return []
  }
}

export function judgeLastLogin(login: LoginAnswer): Finding[] {
  const { profile, status, error, report } = login
  const check = 'last login'
  const causes = status === 'cancelled' ? [] : (report?.causes ?? [])
  if (status === 'succeeded' && causes.length === 0) return [ok(check, 'It succeeded.')]
  const said = [error?.error, error?.error_description].filter((part) => part != null).join(': ')
  const why = [error?.detail ?? error?.code, said === '' ? undefined : `The server said ${said}.`]
  const ended = ['It', status === 'succeeded' ? 'succeeded.' : `ended as ${status}.`].join(' ')
  const detail = [ended, ...why].filter((part) => part !== undefined).join(' ')
  return [
    warn(check, detail, causes.length === 0 ? `catchd login ${profile}` : null),
    ...causes.map((cause, index) =>
      warn(
        index === 0 ? 'likely cause' : 'or else',
        causeInWords(cause),
        cause.fix.run ?? `catchd login ${profile}`,
      ),
    ),
    ...(report?.exchanges ?? []).map((exchange) => {
      const { asked, answered } = exchangeInWords(exchange)
      return ok('exchange', `${asked} → ${answered}`)
    }),
  ]
}
