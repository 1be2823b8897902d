/**
 * Two clocks: how far this machine's is from the server's, as far as its Date header tells, and what that breaks. Pure.
 */
import { type Cause, type Facts, run } from './facts.js'

/** Beyond this, id_tokens and signed assertions may be refused for being too old or not valid yet. */
export const NOTABLE_SKEW_SECONDS = 30

const SET_CLOCK: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  darwin: 'sudo sntp -sS time.apple.com',
  win32: 'w32tm /resync',
}

export function setClockCommand(platform: NodeJS.Platform): string {
  return SET_CLOCK[platform] ?? 'sudo timedatectl set-ntp true'
}

/**
 * Date has whole seconds (RFC 9110 §6.6.1), and was written some time between request and answer.
 *
 * @param date - The server's header.
 * @returns By how many seconds at least this machine is ahead, negative when it is behind, 0 when the two may agree;
 *   `undefined` where the server does not say what time it is.
 */
export function clockDifference(
  date: string | undefined,
  sentAtMs: number,
  answeredAtMs: number,
): number | undefined {
  const serverMs = Date.parse(date ?? '')
  if (Number.isNaN(serverMs)) return undefined
  const behindMs = Math.max(0, serverMs - answeredAtMs)
  const aheadMs = Math.max(0, sentAtMs - (serverMs + 1_000))
  return Math.round((aheadMs - behindMs) / 1000)
}

/** `12 s ahead of the server`. */
export function differenceInWords(seconds: number): string {
  return `${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the server`
}

const TIMESTAMPS = 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED'
const SIGNED = ['private_key_jwt', 'client_secret_jwt']

export function clockCauses(facts: Facts): Cause[] {
  const { clue, clockDifferenceSeconds: difference, platform, profile, step, error } = facts
  const isNotable = difference !== undefined && Math.abs(difference) >= NOTABLE_SKEW_SECONDS
  if (clue?.reason === TIMESTAMPS) {
    return isNotable
      ? [skewed(difference, 'so that times in its id_token do not fit', platform)]
      : [
          {
            cause: 'clock_skew',
            detail:
              'The times in the id_token (iat, exp, nbf) do not fit the clock of this machine: one of the two clocks is wrong.',
            fix: run(`catchd doctor ${profile.name}`),
          },
        ]
  }
  const signs = SIGNED.includes(profile.token_endpoint_auth_method) || profile.dpop
  const isRefused = error === 'invalid_client' || error === 'invalid_dpop_proof' || error === 'invalid_grant'
  if (!isNotable || !signs || !isRefused || (step !== 'token_request' && step !== 'refresh')) return []
  return [skewed(difference, 'so that what is signed here is too old or not valid yet there', platform)]
}

function skewed(seconds: number, effect: string, platform: NodeJS.Platform): Cause {
  return {
    cause: 'clock_skew',
    detail: `This machine is ${differenceInWords(seconds)}, ${effect}.`,
    fix: run(setClockCommand(platform)),
  }
}
