/** Causes at the response mode (OAuth 2.0 Multiple Response Types §2.1), the response type and the grant. Pure. */
import { GRANT_TYPES, GRANTS, usesRedirectUri } from '../config/grants.js'
import { RESPONSE_MODE_NAMES } from '../config/response-modes.js'
import { type Cause, type Facts, listed, register, set, words } from './facts.js'

const RESPONSE_MODE = /response[_ -]?mode/i

export function responseCause(facts: Facts): Cause | undefined {
  const { profile, metadata, step, error } = facts
  if (step !== 'authorization') return undefined
  if (error === 'unsupported_response_type') {
    return {
      cause: 'grant_not_allowed',
      detail: `The server issues no codes to client ${profile.client_id}: response_type code is not switched on for it.`,
      fix: register('response_type code, grant authorization_code'),
    }
  }
  if (error !== 'unsupported_response_mode' && !RESPONSE_MODE.test(words(facts))) return undefined
  const announced = modeNotAnnounced(facts)
  if (announced !== undefined) return announced
  const other = metadata?.response_modes_supported?.includes('query') === false ? 'form_post' : 'query'
  if (other === profile.response_mode) return undefined
  return {
    cause: 'response_mode_unsupported',
    detail: `The server does not support response_mode ${profile.response_mode}.`,
    fix: set(profile, 'response_mode', other),
  }
}

/** Known before anything was sent. */
export function modeNotAnnounced({ profile, metadata }: Facts): Cause | undefined {
  const supported = metadata?.response_modes_supported
  if (supported === undefined || !usesRedirectUri(profile)) return undefined
  if (supported.includes(profile.response_mode)) return undefined
  const other = RESPONSE_MODE_NAMES.find((mode) => supported.includes(mode))
  if (other === undefined) return undefined
  return {
    cause: 'response_mode_unsupported',
    detail: `The profile asks for response_mode ${profile.response_mode}, but the server announces ${listed(supported)}.`,
    fix: set(profile, 'response_mode', other),
  }
}

/** Known before anything was sent. */
export function grantNotAnnounced({ profile, metadata }: Facts): Cause | undefined {
  const supported = metadata?.grant_types_supported
  if (supported === undefined || supported.includes(profile.grant)) return undefined
  // A grant with a source of its own needs more than another name of the grant.
  const other = GRANT_TYPES.find((grant) => GRANTS[grant].source === null && supported.includes(grant))
  if (other === undefined) return undefined
  return {
    cause: 'grant_not_allowed',
    detail: `The profile uses the grant ${profile.grant}, but the server announces ${listed(supported)}.`,
    fix: set(profile, 'grant', other),
  }
}
