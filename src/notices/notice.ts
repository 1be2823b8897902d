/**
 * A notice: a profile needs a person, now or soon. What it says on a desktop and to a hook's command.
 *
 * Pure. Nothing that a server sent is in it: a name of ours, a code, an instant.
 */
import { toInstant } from '../clock.js'
import type { LoginReason } from '../tokens/next-login.js'

export interface Notice {
  readonly profile: string
  readonly reason: 'expires_soon' | LoginReason
  /** From or since when. */
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
      body: `Its tokens end at ${toInstant(neededAtMs)}. To log in: catchd login ${profile}`,
    }
  }
  return { title: `Login needed: ${profile}`, body: `${WHY[reason]} To log in: catchd login ${profile}` }
}

const WHY = {
  none_stored: 'It has no tokens.',
  expired: 'Its tokens have expired.',
  refused: 'The authorization server does not accept its refresh token any more.',
  answer_invalid: 'The authorization server answered a refresh with an id_token that does not hold.',
  interrupted: 'The daemon was stopped in the middle of a refresh.',
} satisfies Record<LoginReason, string>

/** What a hook's command is told with; parseEnvironment passes these names over. */
export function variablesOf({ profile, reason, neededAtMs }: Notice): Record<string, string> {
  return { CATCHD_PROFILE: profile, CATCHD_REASON: reason, CATCHD_NEEDED_AT: toInstant(neededAtMs) }
}
