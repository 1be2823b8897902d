/** A profile's tokens, as the running daemon has them; it is asked, never started. */
import type { CatchdClient } from '../client/client.js'
import type { ProfileAnswer } from '../client/wire.js'
import { type Finding, failed, ok, warn } from './finding.js'

export async function examineTokens(name: string, client: Pick<CatchdClient, 'profile'>): Promise<Finding> {
  try {
    return judgeTokens(await client.profile(name))
  } catch (error) {
    return failed('tokens', error)
  }
}

export function judgeTokens({ profile, status, expires_at, login_needed_at }: ProfileAnswer): Finding {
  const check = 'tokens'
  switch (status) {
    case 'logged_in': {
      const until = expires_at === null ? 'expiry unknown' : `access token until ${expires_at}`
      const person = login_needed_at === null ? '' : `; a person is needed at ${login_needed_at}`
      return ok(check, `Logged in, ${until}${person}`)
    }
    case 'expired':
      return warn(check, `The access token expired at ${expires_at}.`, `catchd refresh ${profile}`)
    case 'login_pending':
      return ok(check, 'A login is pending.')
    case 'login_required':
      return warn(check, 'A person has to log in.', `catchd login ${profile}`)
  }
}
