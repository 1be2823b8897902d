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
  // A daemon of an older version does not send them.
  const { error = null, refresh_failing: failing = null }: Partial<ProfileAnswer> = answer
  if (error !== null) return warn(check, error.detail ?? error.code, `catchd login ${profile}`)
  if (failing !== null && (status === 'logged_in' || status === 'expired')) {
    const next = failing.error.code === 'provider_unreachable' ? 'refresh' : 'login'
    return warn(check, refreshFailing(failing, lastToken(status, expires_at)), `catchd ${next} ${profile}`)
  }
  const isStored = status === 'logged_in' || status === 'expired'
  if (isStored && login_needed_at !== null && Date.parse(login_needed_at) <= Date.now()) {
    const detail = `A login is needed: the tokens cannot be refreshed any more. ${lastToken(status, expires_at)}`
    return warn(check, detail, `catchd login ${profile}`)
  }
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

function lastToken(status: 'logged_in' | 'expired', expiresAt: string | null): string {
  if (status === 'expired') return `The access token expired at ${expiresAt}.`
  return expiresAt === null
    ? 'The access token is still given out.'
    : `The access token is valid until ${expiresAt}.`
}

/** In words, with those of the server: they tell a firewall from a refresh token that is dead. */
function refreshFailing(
  { since, error }: NonNullable<ProfileAnswer['refresh_failing']>,
  token: string,
): string {
  const said = [error.error, error.error_description].filter((part) => part != null).join(': ')
  return [
    `Every refresh has failed since ${since}. ${error.detail ?? error.code}`,
    said === '' ? undefined : `The server said ${said}.`,
    token,
    'catchd keeps the refresh token and tries again. A login ends this too.',
  ]
    .filter((part) => part !== undefined)
    .join(' ')
}
