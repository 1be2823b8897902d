/** Causes at the clocks: this machine and the server differ. Pure. */
import { type Cause, type Facts, run } from './facts.js'

/** With a larger difference, id_tokens and signed assertions may be refused as too old or not yet valid. */
export const NOTABLE_SKEW_SECONDS = 30

const SET_CLOCK: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  darwin: 'sudo sntp -sS time.apple.com',
  win32: 'w32tm /resync',
}

export function setClockCommand(platform: NodeJS.Platform): string {
  return SET_CLOCK[platform] ?? 'sudo timedatectl set-ntp true'
}

/** `12 s ahead of the server`. */
export function differenceInWords(seconds: number): string {
  return `${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the server`
}

const TIMESTAMPS = 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED'
const SIGNED = ['private_key_jwt', 'client_secret_jwt']

export function clockCause(facts: Facts): Cause | undefined {
  const { evidence, clockDifferenceSeconds: difference, platform, profile, step, error } = facts
  const isNotable = difference !== undefined && Math.abs(difference) >= NOTABLE_SKEW_SECONDS
  if (evidence?.reason === TIMESTAMPS) {
    if (isNotable) return skewed(difference, 'so the times in its id_token look wrong', platform)
    return {
      cause: 'clock_skew',
      detail:
        'The times in the id_token (iat, exp, nbf) do not match the clock of this machine: one of the two clocks is wrong.',
      fix: run(`catchd doctor ${profile.name}`),
    }
  }
  const signs = SIGNED.includes(profile.token_endpoint_auth_method) || profile.dpop
  const isRefused = error === 'invalid_client' || error === 'invalid_dpop_proof' || error === 'invalid_grant'
  if (!isNotable || !signs || !isRefused || (step !== 'token_request' && step !== 'refresh')) {
    return undefined
  }
  return skewed(
    difference,
    'so the server sees signatures of this machine as too old or not yet valid',
    platform,
  )
}

function skewed(seconds: number, effect: string, platform: NodeJS.Platform): Cause {
  return {
    cause: 'clock_skew',
    detail: `This machine is ${differenceInWords(seconds)}, ${effect}.`,
    fix: run(setClockCommand(platform)),
  }
}
