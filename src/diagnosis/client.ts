/** The client at the server: its identifier, its authentication (RFC 6749 §2.3) and what it is registered for. Pure. */
import { type Cause, type DiagnosedProfile, type Facts, listed, register, run, set, words } from './facts.js'

type Method = DiagnosedProfile['token_endpoint_auth_method']

/** RFC 6749 §5.2; and GitHub, Slack, Entra (a wrong, a missing, an unwanted secret), and a bare 401. */
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

/** What the profile does against what server and preset say, known before anything was sent. */
export function methodCauses({ profile, metadata, preset }: Facts): Cause[] {
  const method = profile.token_endpoint_auth_method
  const supported = metadata?.token_endpoint_auth_methods_supported
  if (supported !== undefined && !supported.includes(method)) {
    const other = WITH_SECRET.find((candidate) => supported.includes(candidate))
    if (method === 'none' || other === undefined || !profile.hasClientSecret) return []
    return [
      {
        cause: 'client_authentication_method',
        detail: `The client authenticates by ${method}, and the server announces ${listed(supported)}.`,
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
      detail: `The client authenticates by ${method}, and ${preset?.title} wants ${usual}.`,
      fix: set(profile, 'token_endpoint_auth_method', usual),
    },
  ]
}

/** A client without a secret where server or preset know none. */
export function missingSecret(facts: Facts): Cause[] {
  const { profile, metadata, preset } = facts
  if (profile.hasClientSecret || profile.token_endpoint_auth_method !== 'none') return []
  const supported = metadata?.token_endpoint_auth_methods_supported
  const why =
    preset?.client === 'confidential'
      ? `${preset.title} gives every client a secret`
      : supported !== undefined && !supported.includes('none')
        ? `the server announces ${listed(supported)}, no client without authentication`
        : MISSING.test(words(facts))
          ? 'the server asks for it'
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

/** RFC 6749 §2.1: a public client that sends a secret is refused by some servers. */
function unwantedSecret(facts: Facts): Cause[] {
  const { profile, preset } = facts
  const sends = profile.hasClientSecret && WITH_SECRET.includes(profile.token_endpoint_auth_method)
  if (!sends || !(UNWANTED.test(words(facts)) || preset?.client === 'public')) return []
  return [
    {
      cause: 'client_secret_unwanted',
      detail: 'A secret was sent, and the client is registered as a public one, which has none.',
      fix: set(profile, 'token_endpoint_auth_method', 'none'),
    },
  ]
}

/** RFC 6749 §2.3.1 makes a difference only beyond the unreserved characters; of the secret nothing is known here. */
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
        ? `client_id and secret were sent ${mine === 'form' ? 'form-encoded' : 'as they are'}, and ${preset?.title} compares the other spelling.`
        : 'client_id holds characters that RFC 6749 §2.3.1 has form-encoded, and some servers compare the credentials as they are.',
      fix: set(profile, 'client_secret_basic_encoding', other),
    },
  ]
}

/** Where nobody says what the server takes. */
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
      detail: `The secret was sent ${here}; the server does not say what it takes, and some want it ${there}.`,
      fix: set(profile, 'token_endpoint_auth_method', other),
    },
  ]
}

/** A server that takes several methods may have the client registered for one of them (RFC 7591 §2). */
function otherMethod({ profile, metadata }: Facts): Cause[] {
  const method = profile.token_endpoint_auth_method
  const supported = metadata?.token_endpoint_auth_methods_supported ?? []
  const other = WITH_SECRET.find((candidate) => candidate !== method && supported.includes(candidate))
  if (other === undefined || !profile.hasClientSecret || !supported.includes(method)) return []
  return [
    {
      cause: 'client_authentication_method',
      detail: `The server takes ${listed(supported)}, and the client may be registered for another one than ${method}.`,
      fix: set(profile, 'token_endpoint_auth_method', other),
    },
  ]
}

function wrongCredentials(profile: DiagnosedProfile): Cause {
  return profile.hasClientSecret
    ? {
        cause: 'client_secret_wrong',
        detail: `client_id ${profile.client_id} and the secret do not belong together: one of them was copied wrongly, or the secret was replaced or has expired.`,
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
