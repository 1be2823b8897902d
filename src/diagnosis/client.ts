/** Causes at the client: its identifier, its authentication (RFC 6749 §2.3) and its registered grants. Pure. */
import { setSecretCommand } from '../config/secret-source.js'
import {
  type Cause,
  causesOf,
  type DiagnosedProfile,
  type Facts,
  listed,
  register,
  run,
  set,
  words,
} from './facts.js'

type Method = DiagnosedProfile['token_endpoint_auth_method']

/** RFC 6749 §5.2, and the words of GitHub, Slack and Entra for a wrong, missing or unwanted secret. */
const NAMES =
  /\binvalid_client\b|incorrect_client|bad_client|invalid_client_|client authentication|AADSTS(?:7000215|7000218|700025|700016|7000222)\b/i
const UNWANTED = /AADSTS(?:700025|90023)\b|public client|(?:must|should) not (?:\w+ )*(?:client[_ ])?secret/i
const MISSING =
  /AADSTS7000218\b|secret (?:is |was )?(?:missing|required|not (?:sent|provided|present))|(?:missing|no|requires?|needs?) (?:a |the )?(?:client[_ ])?secret/i

/** Codes for the grant or the request, which some servers send with 401 too. */
const ABOUT_SOMETHING_ELSE =
  /^(?:invalid_(?:grant|request|scope|target|token|dpop_proof|refresh_token|code)|unsupported_\w+|use_dpop_nonce|access_denied|\w*expired\w*|\w*revoked\w*)$/

const WITH_SECRET: readonly Method[] = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt']

const AUTHENTICATION = [unwantedSecret, missingSecret, methodCause, wrongEncoding]

export function clientCauses(facts: Facts): readonly Cause[] {
  const { profile, step, error, httpStatus } = facts
  const text = words(facts)
  if (step === 'authorization') {
    if (error === 'unauthorized_client') return [grantNotAllowed(facts)]
    if (!NAMES.test(text)) return []
    // Without a secret, nothing in a pushed request can be wrong but the client_id.
    return causesOf(
      facts,
      ...(profile.hasClientSecret ? [...AUTHENTICATION, otherPlace] : []),
      wrongIdentifier,
    )
  }
  if (step !== 'token_request' && step !== 'refresh') return []
  if (error === 'unauthorized_client' || error === 'unsupported_grant_type') {
    return causesOf(facts, unwantedSecret, grantNotAllowed)
  }
  // A token endpoint answers 401 if it does not know the client, whatever word it uses (RFC 6749 §5.2).
  const isUnauthorized = httpStatus === 401 && !ABOUT_SOMETHING_ELSE.test(error ?? '')
  if (!isUnauthorized && ![NAMES, UNWANTED, MISSING].some((pattern) => pattern.test(text))) return []
  return causesOf(
    facts,
    ...AUTHENTICATION,
    perhapsMissingSecret,
    wrongCredentials,
    otherPlace,
    otherMethod,
    secretEncoding,
  )
}

/** The profile's method differs from what the server or the preset says. Known before anything was sent. */
export function methodCause({ profile, metadata, preset }: Facts): Cause | undefined {
  const method = profile.token_endpoint_auth_method
  const supported = metadata?.token_endpoint_auth_methods_supported
  if (!profile.hasClientSecret) return undefined
  const isFine = supported !== undefined && (method === 'none' || supported.includes(method))
  const other =
    supported === undefined
      ? preset?.profile.token_endpoint_auth_method
      : WITH_SECRET.find((candidate) => supported.includes(candidate))
  if (isFine || other === undefined || other === method) return undefined
  const contrary =
    supported === undefined
      ? `${preset?.title} expects ${other}`
      : `the server announces ${listed(supported)}`
  return {
    cause: 'client_authentication_method',
    detail: `The client authenticates with ${method}, but ${contrary}.`,
    fix: set(profile, 'token_endpoint_auth_method', other),
  }
}

/** The client has no secret, but the server or the preset requires one. */
export function missingSecret(facts: Facts): Cause | undefined {
  const { profile, metadata, preset } = facts
  if (profile.hasClientSecret || profile.token_endpoint_auth_method !== 'none') return undefined
  const supported = metadata?.token_endpoint_auth_methods_supported
  const why =
    preset?.client === 'confidential'
      ? `${preset.title} gives every client a secret`
      : supported !== undefined && !supported.includes('none')
        ? `the server announces only ${listed(supported)}, so every client has to authenticate`
        : MISSING.test(words(facts))
          ? 'the server requires one'
          : undefined
  if (why === undefined) return undefined
  return {
    cause: 'client_secret_missing',
    detail: `The profile has no client secret, and ${why}.`,
    fix: run(setSecretCommand(profile.name)),
  }
}

/**
 * After an authorization response the server knows the client_id, so the secret is more likely missing than the client_id
 * wrong.
 */
function perhapsMissingSecret(facts: Facts): Cause | undefined {
  const { profile, preset, step } = facts
  const sendsOther = profile.hasClientSecret || profile.token_endpoint_auth_method !== 'none'
  if (sendsOther || step !== 'token_request' || preset?.client === 'public') return undefined
  return {
    cause: 'client_secret_missing',
    detail: 'The profile has no client secret. If the server gave the client one, store it.',
    fix: run(setSecretCommand(profile.name)),
  }
}

/** Some servers refuse a public client (RFC 6749 §2.1) that sends a secret. */
function unwantedSecret(facts: Facts): Cause | undefined {
  const { profile, preset } = facts
  const sends = profile.hasClientSecret && WITH_SECRET.includes(profile.token_endpoint_auth_method)
  if (!sends || !(UNWANTED.test(words(facts)) || preset?.client === 'public')) return undefined
  return {
    cause: 'client_secret_unwanted',
    detail:
      'catchd sent a client secret, but the client is registered as a public client, which has no secret.',
    fix: set(profile, 'token_endpoint_auth_method', 'none'),
  }
}

/** Form encoding (RFC 6749 §2.3.1) changes only some characters. Only client_id is checked: the secret is not known here. */
function wrongEncoding({ profile, preset }: Facts): Cause | undefined {
  if (profile.token_endpoint_auth_method !== 'client_secret_basic' || !profile.hasClientSecret) {
    return undefined
  }
  const mine = profile.client_secret_basic_encoding
  const wanted = preset?.profile.client_secret_basic_encoding ?? (preset === undefined ? undefined : 'form')
  const isContrary = wanted !== undefined && wanted !== mine
  const mattersForId = wanted === undefined && mine === 'form' && /[^A-Za-z0-9._*-]/.test(profile.client_id)
  if (!isContrary && !mattersForId) return undefined
  const [sent, expected] =
    mine === 'form' ? ['form-encoded', 'without form encoding'] : ['without form encoding', 'form-encoded']
  return {
    cause: 'client_secret_encoding',
    detail: isContrary
      ? `catchd sent client_id and secret ${sent}, but ${preset?.title} expects them ${expected}.`
      : 'client_id contains characters that RFC 6749 §2.3.1 form-encodes, but some servers expect the credentials without form encoding.',
    fix: set(profile, 'client_secret_basic_encoding', mine === 'form' ? 'raw' : 'form'),
  }
}

/** The secret is not known here, so whether its encoding matters is not known either. */
function secretEncoding({ profile, preset }: Facts): Cause | undefined {
  const isBasic = profile.token_endpoint_auth_method === 'client_secret_basic' && profile.hasClientSecret
  if (!isBasic || preset !== undefined || profile.client_secret_basic_encoding !== 'form') return undefined
  return {
    cause: 'client_secret_encoding',
    detail:
      'Some servers expect the client secret without form encoding. That makes a difference only if the secret has characters other than letters and digits.',
    fix: set(profile, 'client_secret_basic_encoding', 'raw'),
  }
}

/** Neither the metadata nor a preset says which method the server accepts. */
function otherPlace({ profile, metadata, preset }: Facts): Cause | undefined {
  const method = profile.token_endpoint_auth_method
  const isKnown = metadata?.token_endpoint_auth_methods_supported !== undefined || preset !== undefined
  if (isKnown || !profile.hasClientSecret) return undefined
  if (method !== 'client_secret_basic' && method !== 'client_secret_post') return undefined
  const [here, there, other] =
    method === 'client_secret_basic'
      ? ['in the Authorization header', 'in the body', 'client_secret_post']
      : ['in the body', 'in the Authorization header', 'client_secret_basic']
  return {
    cause: 'client_authentication_method',
    detail: `catchd sent the secret ${here}. The server does not say what it accepts, and some servers expect it ${there}.`,
    fix: set(profile, 'token_endpoint_auth_method', other),
  }
}

/** A server can accept several methods, but each client is registered for one (RFC 7591 §2). */
function otherMethod({ profile, metadata }: Facts): Cause | undefined {
  const method = profile.token_endpoint_auth_method
  const supported = metadata?.token_endpoint_auth_methods_supported ?? []
  const other = WITH_SECRET.find((candidate) => candidate !== method && supported.includes(candidate))
  if (other === undefined || !profile.hasClientSecret || !supported.includes(method)) return undefined
  return {
    cause: 'client_authentication_method',
    detail: `The server accepts ${listed(supported)}. The client may be registered for another method than ${method}.`,
    fix: set(profile, 'token_endpoint_auth_method', other),
  }
}

function wrongCredentials(facts: Facts): Cause {
  const { profile } = facts
  if (!profile.hasClientSecret) return wrongIdentifier(facts)
  const { client_secret_of: owner, clientSecretFrom = owner && `profile "${owner}"` } = profile
  const other =
    clientSecretFrom === undefined
      ? ''
      : ` The secret comes from ${clientSecretFrom}. Correct it there, or store another one in the vault, which then replaces this source.`
  return {
    cause: 'client_secret_wrong',
    detail: `The secret is not valid for client_id ${profile.client_id}: one of the two was copied wrongly, or the secret was replaced or has expired.${other}`,
    fix: run(setSecretCommand(profile.name)),
  }
}

function wrongIdentifier({ profile }: Facts): Cause {
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
