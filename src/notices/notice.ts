/**
 * A notice that a profile needs a login, now or soon: its text for the desktop and its variables for a hook's command.
 *
 * Pure. A notice contains only a profile name, a code and an instant, and nothing that a server sent.
 */
import { toInstant } from '../clock.js'
import type { LoginReason } from '../tokens/next-login.js'

export interface Notice {
  readonly profile: string
  readonly reason: 'expires_soon' | LoginReason
  /** From when or since when a login is needed. */
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
      body: `Its tokens expire at ${toInstant(neededAtMs)}. To log in: catchd login ${profile}`,
    }
  }
  return { title: `Login needed: ${profile}`, body: `${WHY[reason]} To log in: catchd login ${profile}` }
}

const WHY = {
  none_stored: 'It has no tokens.',
  expired: 'Its tokens have expired.',
  refused: 'The authorization server no longer accepts its refresh token.',
  answer_invalid: 'The authorization server answered a refresh with an invalid id_token.',
  interrupted: 'The daemon was stopped during a refresh.',
} satisfies Record<LoginReason, string>

/** The variables for a hook's command. parseEnvironment ignores these names. */
export function variablesOf({ profile, reason, neededAtMs }: Notice): Record<string, string> {
  return { CATCHD_PROFILE: profile, CATCHD_REASON: reason, CATCHD_NEEDED_AT: toInstant(neededAtMs) }
}
