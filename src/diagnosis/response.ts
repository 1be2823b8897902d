/** Causes at the response mode (OAuth 2.0 Multiple Response Types §2.1), the response type and the grant. Pure. */
import { GRANT_TYPES, GRANTS, usesRedirectUri } from '../config/grants.js'
import { RESPONSE_MODE_NAMES } from '../config/response-modes.js'
import { type Cause, type Facts, listed, register, set, words } from './facts.js'

const RESPONSE_MODE = /response[_ -]?mode/i

export function responseCauses(facts: Facts): Cause[] {
  const { profile, metadata, step, error } = facts
  if (step !== 'authorization') return []
  if (error === 'unsupported_response_type') {
    return [
      {
        cause: 'grant_not_allowed',
        detail: `The server issues no codes to client ${profile.client_id}: response_type code is not switched on for it.`,
        fix: register('response_type code, grant authorization_code'),
      },
    ]
  }
  if (error !== 'unsupported_response_mode' && !RESPONSE_MODE.test(words(facts))) return []
  const announced = modeNotAnnounced(facts)
  if (announced.length > 0) return announced
  const other = metadata?.response_modes_supported?.includes('query') === false ? 'form_post' : 'query'
  if (other === profile.response_mode) return []
  return [
    {
      cause: 'response_mode_unsupported',
      detail: `The server does not support response_mode ${profile.response_mode}.`,
      fix: set(profile, 'response_mode', other),
    },
  ]
}

/** Known before anything was sent. */
export function modeNotAnnounced({ profile, metadata }: Facts): Cause[] {
  const supported = metadata?.response_modes_supported
  if (supported === undefined || !usesRedirectUri(profile)) return []
  if (supported.includes(profile.response_mode)) return []
  const other = RESPONSE_MODE_NAMES.find((mode) => supported.includes(mode))
  if (other === undefined) return []
  return [
    {
      cause: 'response_mode_unsupported',
      detail: `The profile asks for response_mode ${profile.response_mode}, but the server announces ${listed(supported)}.`,
      fix: set(profile, 'response_mode', other),
    },
  ]
}

/** Known before anything was sent. */
export function grantNotAnnounced({ profile, metadata }: Facts): Cause[] {
  const supported = metadata?.grant_types_supported
  if (supported === undefined || supported.includes(profile.grant)) return []
  // One that begins with something else than the profile says would be refused for it.
  const other = GRANT_TYPES.find((grant) => GRANTS[grant].source === null && supported.includes(grant))
  if (other === undefined) return []
  return [
    {
      cause: 'grant_not_allowed',
      detail: `The profile uses the grant ${profile.grant}, but the server announces ${listed(supported)}.`,
      fix: set(profile, 'grant', other),
    },
  ]
}
