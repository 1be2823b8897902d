/** Causes at the client: its identifier, its authentication (RFC 6749 §2.3) and its registered grants. Pure. */
import { type Cause, type DiagnosedProfile, type Facts, listed, register, run, set, words } from './facts.js'

type Method = DiagnosedProfile['token_endpoint_auth_method']

/** RFC 6749 §5.2, and the words of GitHub, Slack and Entra for a wrong, missing or unwanted secret. */
const NAMES =
  /\binvalid_client\b|incorrect_client|bad_client|invalid_client_|client authentication|AADSTS(?:7000215|7000218|700025|700016|7000222)\b/i
const UNWANTED = /AADSTS(?:700025|90023)\b|public client|(?:must|should) not (?:\w+ )*(?:client[_ ])?secret/i
const MISSING =
  /AADSTS7000218\b|secret (?:is |was )?(?:missing|required|not (?:sent|provided|present))|(?:missing|no|requires?|needs?) (?:a |the )?(?:client[_ ])?secret/i

const WITH_SECRET: readonly Method[] = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt']

export function clientCauses(facts: Facts): Cause[] {
  const { profile, step, error, httpStatus } = facts
  if (step === 'authorization') {
    return NAMES.test(words(facts)) || error === 'unauthorized_client'
      ? error === 'unauthorized_client'
        ? [grantNotAllowed(facts)]
        : [...authenticationOf(facts, true), wrongIdentifier(profile)]
      : []
  }
  if (step !== 'token_request' && step !== 'refresh') return []
  if (error === 'unauthorized_client' || error === 'unsupported_grant_type') {
    return [...unwantedSecret(facts), grantNotAllowed(facts)]
  }
  const isRefused = NAMES.test(words(facts)) || UNWANTED.test(words(facts)) || MISSING.test(words(facts))
  const isBareRefusal = httpStatus === 401 && error === undefined
  return isRefused || isBareRefusal
    ? [...authenticationOf(facts, false), wrongCredentials(profile), ...otherMethod(facts)]
    : []
}

function authenticationOf(facts: Facts, isPushed: boolean): Cause[] {
  const { profile } = facts
  if (isPushed && !profile.hasClientSecret) return []
  return [
    ...unwantedSecret(facts),
    ...missingSecret(facts),
    ...methodCauses(facts),
    ...encodingCauses(facts),
    ...otherPlace(facts),
  ]
}

/** The profile's method differs from what the server or the preset says. Known before anything was sent. */
export function methodCauses({ profile, metadata, preset }: Facts): Cause[] {
  const method = profile.token_endpoint_auth_method
  const supported = metadata?.token_endpoint_auth_methods_supported
  if (supported !== undefined && !supported.includes(method)) {
    const other = WITH_SECRET.find((candidate) => supported.includes(candidate))
    if (method === 'none' || other === undefined || !profile.hasClientSecret) return []
    return [
      {
        cause: 'client_authentication_method',
        detail: `The client authenticates with ${method}, but the server announces ${listed(supported)}.`,
        fix: set(profile, 'token_endpoint_auth_method', other),
      },
    ]
  }
  const usual = preset?.profile.token_endpoint_auth_method
  if (supported !== undefined || usual === undefined || usual === method || !profile.hasClientSecret)
    return []
  return [
    {
      cause: 'client_authentication_method',
      detail: `The client authenticates with ${method}, but ${preset?.title} expects ${usual}.`,
      fix: set(profile, 'token_endpoint_auth_method', usual),
    },
  ]
}

/** The client has no secret, but the server or the preset requires one. */
export function missingSecret(facts: Facts): Cause[] {
  const { profile, metadata, preset } = facts
  if (profile.hasClientSecret || profile.token_endpoint_auth_method !== 'none') return []
  const supported = metadata?.token_endpoint_auth_methods_supported
  const why =
    preset?.client === 'confidential'
      ? `${preset.title} gives every client a secret`
      : supported !== undefined && !supported.includes('none')
        ? `the server announces only ${listed(supported)}, so every client has to authenticate`
        : MISSING.test(words(facts))
          ? 'the server requires one'
          : undefined
  if (why === undefined) return []
  return [
    {
      cause: 'client_secret_missing',
      detail: `The profile has no client secret, and ${why}.`,
      fix: set(profile, 'client_secret', { file: 'PATH' }),
    },
  ]
}

/** Some servers refuse a public client (RFC 6749 §2.1) that sends a secret. */
function unwantedSecret(facts: Facts): Cause[] {
  const { profile, preset } = facts
  const sends = profile.hasClientSecret && WITH_SECRET.includes(profile.token_endpoint_auth_method)
  if (!sends || !(UNWANTED.test(words(facts)) || preset?.client === 'public')) return []
  return [
    {
      cause: 'client_secret_unwanted',
      detail:
        'catchd sent a client secret, but the client is registered as a public client, which has no secret.',
      fix: set(profile, 'token_endpoint_auth_method', 'none'),
    },
  ]
}

/** Form encoding (RFC 6749 §2.3.1) changes only some characters. Only client_id is checked: the secret is not known here. */
function encodingCauses({ profile, preset }: Facts): Cause[] {
  if (profile.token_endpoint_auth_method !== 'client_secret_basic' || !profile.hasClientSecret) return []
  const mine = profile.client_secret_basic_encoding
  const wanted = preset?.profile.client_secret_basic_encoding ?? (preset === undefined ? undefined : 'form')
  const isContrary = wanted !== undefined && wanted !== mine
  const mattersForId = wanted === undefined && mine === 'form' && /[^A-Za-z0-9._*-]/.test(profile.client_id)
  if (!isContrary && !mattersForId) return []
  const other = mine === 'form' ? 'raw' : 'form'
  return [
    {
      cause: 'client_secret_encoding',
      detail: isContrary
        ? `catchd sent client_id and secret ${mine === 'form' ? 'form-encoded' : 'without form encoding'}, but ${preset?.title} expects them ${mine === 'form' ? 'without form encoding' : 'form-encoded'}.`
        : 'client_id contains characters that RFC 6749 §2.3.1 form-encodes, but some servers expect the credentials without form encoding.',
      fix: set(profile, 'client_secret_basic_encoding', other),
    },
  ]
}

/** Neither the metadata nor a preset says which method the server accepts. */
function otherPlace({ profile, metadata, preset }: Facts): Cause[] {
  const method = profile.token_endpoint_auth_method
  const isKnown = metadata?.token_endpoint_auth_methods_supported !== undefined || preset !== undefined
  if (isKnown || !profile.hasClientSecret) return []
  if (method !== 'client_secret_basic' && method !== 'client_secret_post') return []
  const [here, there, other] =
    method === 'client_secret_basic'
      ? ['in the Authorization header', 'in the body', 'client_secret_post']
      : ['in the body', 'in the Authorization header', 'client_secret_basic']
  return [
    {
      cause: 'client_authentication_method',
      detail: `catchd sent the secret ${here}. The server does not say what it accepts, and some servers expect it ${there}.`,
      fix: set(profile, 'token_endpoint_auth_method', other),
    },
  ]
}

/** A server can accept several methods, but each client is registered for one (RFC 7591 §2). */
function otherMethod({ profile, metadata }: Facts): Cause[] {
  const method = profile.token_endpoint_auth_method
  const supported = metadata?.token_endpoint_auth_methods_supported ?? []
  const other = WITH_SECRET.find((candidate) => candidate !== method && supported.includes(candidate))
  if (other === undefined || !profile.hasClientSecret || !supported.includes(method)) return []
  return [
    {
      cause: 'client_authentication_method',
      detail: `The server accepts ${listed(supported)}. The client may be registered for another method than ${method}.`,
      fix: set(profile, 'token_endpoint_auth_method', other),
    },
  ]
}

function wrongCredentials(profile: DiagnosedProfile): Cause {
  return profile.hasClientSecret
    ? {
        cause: 'client_secret_wrong',
        detail: `The secret is not valid for client_id ${profile.client_id}: one of the two was copied wrongly, or the secret was replaced or has expired.`,
        fix: run(`catchd profile edit ${profile.name}`),
      }
    : wrongIdentifier(profile)
}

function wrongIdentifier(profile: DiagnosedProfile): Cause {
  return {
    cause: 'client_unknown',
    detail: `The server does not know the client_id ${profile.client_id}: it belongs to another server or tenant, or the client was removed.`,
    fix: run(`catchd profile edit ${profile.name}`),
  }
}

function grantNotAllowed({ profile, step }: Facts): Cause {
  const grant = step === 'refresh' ? 'refresh_token' : profile.grant
  return {
    cause: 'grant_not_allowed',
    detail: `The client ${profile.client_id} is not registered for the grant ${grant}.`,
    fix: register(grant),
  }
}
