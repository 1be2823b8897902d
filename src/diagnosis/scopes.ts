/** Causes at the scopes (RFC 6749 §3.3), and what a server requires before it issues a refresh token. Pure. */
import { scopesOf } from '../authorization-server/authorization-request.js'
import { saysDead } from '../authorization-server/dead-refresh-token.js'
import { usesRefreshToken } from '../config/grants.js'
import { type Cause, causesOf, type Facts, listed, register, run, set, words } from './facts.js'

/** Entra: AADSTS70011, AADSTS650053 (does not exist), AADSTS65005 (is not listed for the client). */
const REFUSED =
  /\binvalid_scope\b|scope.*(?:invalid|unknown|not (?:allowed|supported|exist|valid))|(?:invalid|unknown|unsupported) scopes?|AADSTS(?:70011|650053|65005)\b/i

export function scopeCauses(facts: Facts): readonly Cause[] {
  if (facts.step === 'no_refresh_token') return offlineCauses(facts)
  if (facts.step === 'refresh') return causesOf(facts, deadRefreshToken)
  if (facts.step !== 'authorization' && facts.step !== 'token_request') return []
  if (!REFUSED.test(words(facts))) return []
  const known = causesOf(facts, unknownScopes, wrongSeparator)
  return known.length > 0 ? known : [scopesToAllow(facts)]
}

/**
 * Scopes that the server does not list. A server need not list all its scopes (RFC 8414 §2), and rarely lists the scopes
 * of the resources it issues tokens for (those are in the resource's metadata, RFC 9728 §2).
 */
export function unknownScopes({ profile, metadata }: Facts): Cause | undefined {
  const supported = metadata?.scopes_supported
  if (supported === undefined || profile.resource !== undefined) return undefined
  const asked = scopesOf(profile)
  const unknown = asked.filter((scope) => !supported.includes(scope))
  if (unknown.length === 0) return undefined
  const rest = asked.filter((scope) => supported.includes(scope))
  return {
    cause: 'scope_unknown',
    detail: `The profile asks for ${listed(unknown)}, but the server announces only these scopes: ${listed(supported)}.`,
    fix: set(profile, 'scope', rest.join(profile.scope_separator)),
  }
}

function wrongSeparator({ profile, preset }: Facts): Cause | undefined {
  if (preset === undefined) return undefined
  const wanted = preset.profile.scope_separator ?? ' '
  if (wanted === profile.scope_separator || scopesOf(profile).length < 2) return undefined
  return {
    cause: 'scope_separator',
    detail: `The profile separates scopes with ${JSON.stringify(profile.scope_separator)}, but ${preset.title} expects ${JSON.stringify(wanted)}.`,
    fix: set(profile, 'scope_separator', wanted),
  }
}

function scopesToAllow({ profile }: Facts): Cause {
  const asked = scopesOf(profile)
  if (asked.length === 0) {
    return {
      cause: 'scope_unknown',
      detail: 'The profile asks for no scope, but the server requires one.',
      fix: set(profile, 'scope', 'SCOPE'),
    }
  }
  return {
    cause: 'scope_unknown',
    detail: `One of the scopes does not exist at the server, or client ${profile.client_id} may not ask for it: ${listed(asked)}.`,
    fix: register(asked.join(' ')),
  }
}

/** Servers' names for the scope that brings a refresh token; `offline_access` is from OpenID Connect Core §11. */
const OFFLINE_SCOPES = ['offline_access', 'offline.access', 'offline', 'refresh_token']
/** Parameters that ask for a refresh token: Google and Zoho, Dropbox, Reddit. */
const OFFLINE_PARAMETERS = ['access_type', 'token_access_type', 'duration']

/** Scopes and parameters that would bring a refresh token, but that the profile does not ask for. */
function offlineCauses({ profile, preset, metadata }: Facts): Cause[] {
  if (!usesRefreshToken(profile.grant)) return []
  const asked = scopesOf(profile)
  const offered =
    preset?.profile.offline_scope ??
    OFFLINE_SCOPES.find((scope) => metadata?.scopes_supported?.includes(scope) === true)
  const causes: Cause[] = []
  if (offered !== undefined && !asked.includes(offered)) {
    causes.push({
      cause: 'offline_scope_missing',
      detail: `There is no refresh token: the server issues one for the scope ${offered}, but the profile does not ask for that scope.`,
      fix: set(profile, 'scope', [...asked, offered].join(profile.scope_separator)),
    })
  }
  for (const [name, value] of Object.entries(preset?.profile.authorization_parameters ?? {})) {
    if (!OFFLINE_PARAMETERS.includes(name) || profile.authorization_parameters[name] === value) continue
    causes.push({
      cause: 'offline_parameter_missing',
      detail: `There is no refresh token: ${preset?.title} issues one for the parameter ${name}=${value}, but the profile removes that parameter.`,
      fix: set(profile, 'authorization_parameters', { ...profile.authorization_parameters, [name]: value }),
    })
  }
  const isSupported = metadata?.grant_types_supported?.includes('refresh_token') === true
  if (causes.length === 0 && offered !== undefined && isSupported) {
    causes.push({
      cause: 'refresh_not_allowed',
      detail: `There is no refresh token, although the profile asks for ${offered}. The client ${profile.client_id} is not registered for the grant refresh_token, or the user did not consent to it.`,
      fix: register('refresh_token'),
    })
  }
  return causes
}

/** RFC 6749 §5.2: the refresh token is invalid, expired, revoked, or was issued to another client. */
function deadRefreshToken({ profile, error, errorDescription }: Facts): Cause | undefined {
  if (!usesRefreshToken(profile.grant)) return undefined
  const values = errorDescription === undefined ? [] : [errorDescription]
  if (!saysDead({ code: error, values }, profile.token_response?.dead_refresh_token)) return undefined
  return {
    cause: 'refresh_token_dead',
    detail:
      'The server no longer accepts the refresh token: it has expired, was revoked, or was used before.',
    fix: run(`catchd login ${profile.name}`),
  }
}
