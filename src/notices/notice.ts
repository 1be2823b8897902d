/**
 * A notice: a profile needs a login, now or soon. Its text on the desktop, and the variables for a hook's command.
 *
 * Pure. It contains only a name, a code and a time of catchd, and nothing that a server sent.
 */
import { toInstant } from '../clock.js'
import type { LoginReason } from '../tokens/next-login.js'

export interface Notice {
  readonly profile: string
  readonly reason: 'expires_soon' | LoginReason
  /** When the login is needed, or since when. */
  readonly neededAtMs: number
}

export interface NoticeText {
  readonly title: string
  readonly body: string
}

export function textOf({ profile, reason, neededAtMs }: Notice): NoticeText {
  if (reason === 'expires_soon') {
    return {
      title: `Login needed soon: ${profile}`,
      body: `Its tokens expire at ${toInstant(neededAtMs)}. Run: catchd login ${profile}`,
    }
  }
  return { title: `Login needed: ${profile}`, body: `${WHY[reason]} Run: catchd login ${profile}` }
}

const WHY = {
  none_stored: 'It has no tokens.',
  expired: 'Its tokens have expired.',
  refused: 'The authorization server no longer accepts its refresh token.',
  repeated: 'The authorization server has refused its refresh token for hours.',
  answer_invalid: 'The authorization server answered a refresh with an id_token that is not valid.',
  interrupted: 'The daemon was killed during a refresh, and its refresh token cannot be used any more.',
} satisfies Record<LoginReason, string>

/** For the command of a hook. parseEnvironment ignores these names. */
export function variablesOf({ profile, reason, neededAtMs }: Notice): Record<string, string> {
  return { CATCHD_PROFILE: profile, CATCHD_REASON: reason, CATCHD_NEEDED_AT: toInstant(neededAtMs) }
}
