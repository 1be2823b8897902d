/** A profile's tokens. The running daemon is asked for them; it is never started for this. */
import type { ServerMetadata } from '../authorization-server/metadata-document.js'
import type { ProfileAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import type { Profile } from '../config/profile.js'
import { causeInWords } from '../diagnosis/advice.js'
import { diagnose } from '../diagnosis/diagnose.js'
import { profileFacts } from '../diagnosis/facts.js'
import { type Finding, failed, ok, warn } from './finding.js'

/** The facts that can explain a missing refresh token. */
interface ProfileAndServer {
  readonly profile: Profile
  readonly published: ServerMetadata | undefined
}

/** @param known - The profile and its server, if they are known on this machine. */
export async function examineTokens(
  name: string,
  client: Pick<CatchdClient, 'profile'>,
  known?: ProfileAndServer,
): Promise<Finding[]> {
  try {
    const answer = await client.profile(name)
    return [judgeTokens(answer), ...(known === undefined ? [] : judgeRefresh(answer, known))]
  } catch (error) {
    return [failed('tokens', error)]
  }
}

/** A login is needed as soon as the access token expires: there is no refresh token. Says why, if that is known. */
export function judgeRefresh(
  { status, expires_at, login_needed_at }: ProfileAnswer,
  { profile, published }: ProfileAndServer,
): Finding[] {
  if (status !== 'logged_in' || expires_at === null || login_needed_at !== expires_at) return []
  const causes = diagnose({
    ...profileFacts(profile),
    metadata: published,
    step: 'no_refresh_token',
    platform: process.platform,
  })
  return causes.slice(0, 1).map((cause) => warn('refresh', causeInWords(cause), cause.fix.run))
}

export function judgeTokens(answer: ProfileAnswer): Finding {
  const { profile, status, expires_at, login_needed_at } = answer
  const check = 'tokens'
  const { error = null }: Partial<ProfileAnswer> = answer // a daemon of an older version does not send it
  if (error !== null) return warn(check, error.detail ?? error.code, `catchd login ${profile}`)
  switch (status) {
    case 'logged_in': {
      const until = expires_at === null ? 'expiry unknown' : `access token until ${expires_at}`
      const nextLogin = login_needed_at === null ? '' : `; next login needed at ${login_needed_at}`
      return ok(check, `Logged in, ${until}${nextLogin}`)
    }
    case 'expired':
      return warn(check, `The access token expired at ${expires_at}.`, `catchd refresh ${profile}`)
    case 'login_pending':
      return ok(check, 'A login is pending.')
    case 'locked':
      return warn(check, 'catchd is locked, so its tokens cannot be checked.', 'catchd unlock')
    case 'login_required':
      return warn(check, 'Login required: no valid token is stored.', `catchd login ${profile}`)
  }
}
