/**
 * Compares a profile with the server's metadata and with its preset, point by point. Nothing is sent. Pure.
 *
 * A contradiction is a warning, because some servers accept more than they announce. Settings that catchd itself
 * refuses before it opens a browser are failures.
 */
import type { ServerMetadata } from '../authorization-server/metadata-document.js'
import { requireRequestable } from '../authorization-server/request-requirements.js'
import { usesRedirectUri } from '../config/grants.js'
import { registeredRedirectUri, requireRegistrable } from '../config/presets/registration.js'
import type { Profile } from '../config/profile.js'
import { causeInWords } from '../diagnosis/advice.js'
import { methodCause, missingSecret } from '../diagnosis/client.js'
import { type Cause, causesOf, type Facts, profileFacts, type Rule } from '../diagnosis/facts.js'
import { methodNotAnnounced } from '../diagnosis/proof-key.js'
import { wrongHost } from '../diagnosis/redirect-uri.js'
import { grantNotAnnounced, modeNotAnnounced } from '../diagnosis/response.js'
import { unknownScopes } from '../diagnosis/scopes.js'
import { asCatchdError } from '../failures.js'
import { type Finding, failed, ok, warn } from './finding.js'

interface Point {
  readonly check: string
  readonly rules: readonly Rule[]
  /** The text to show when no rule found a problem. `undefined`: nothing is known, so nothing is shown. */
  readonly agreed: (facts: Facts) => string | undefined
}

const POINTS: readonly Point[] = [
  { check: 'redirect URI', rules: [wrongHost], agreed: toRegister },
  {
    check: 'grant',
    rules: [grantNotAnnounced],
    agreed: ({ profile, metadata }) => announced(profile.grant, metadata?.grant_types_supported),
  },
  {
    check: 'response mode',
    rules: [modeNotAnnounced],
    agreed: ({ profile, metadata }) => announced(profile.response_mode, metadata?.response_modes_supported),
  },
  {
    check: 'PKCE',
    rules: [methodNotAnnounced],
    agreed: ({ profile, metadata }) =>
      announced(profile.code_challenge_method, metadata?.code_challenge_methods_supported),
  },
  {
    check: 'client authentication',
    rules: [missingSecret, methodCause],
    agreed: ({ profile, metadata, preset }) =>
      announced(profile.token_endpoint_auth_method, metadata?.token_endpoint_auth_methods_supported) ??
      (preset && `${profile.token_endpoint_auth_method}, which suits ${preset.title}.`),
  },
  {
    check: 'scope',
    rules: [unknownScopes],
    agreed: ({ profile, metadata }) =>
      profile.resource === undefined
        ? metadata?.scopes_supported &&
          `${profile.scope || 'None'}. The server announces all of these scopes.`
        : `${profile.scope || 'None'}, for the resource ${[profile.resource].flat().join(', ')}.`,
  },
  {
    check: 'iss',
    rules: [],
    agreed: ({ metadata }) =>
      metadata &&
      (metadata.authorization_response_iss_parameter_supported === true
        ? 'The server sends iss in its authorization responses. catchd checks it (RFC 9207).'
        : 'The server does not announce that it sends iss in its authorization responses (RFC 9207).'),
  },
]

/**
 * @param known - Endpoints of the profile and the server; `undefined` if they could not be determined.
 * @param published - The metadata that the server publishes, if any.
 * @param isLoggedIn - The server has issued tokens to the profile's client.
 */
export function judgeAgreement(
  profile: Profile,
  known: ServerMetadata | undefined,
  published: ServerMetadata | undefined,
  isLoggedIn = false,
): Finding[] {
  const facts: Facts = {
    ...profileFacts(profile),
    metadata: published,
    step: 'discovery',
    platform: process.platform,
  }
  const rest = POINTS.flatMap((point) => {
    const [cause] = causesOf(facts, ...point.rules)
    // Many servers accept public clients and do not announce "none".
    if (isLoggedIn && cause?.cause === 'client_secret_missing') {
      return [ok(point.check, 'The client has no secret, and the server accepts that.')]
    }
    return judge(point, facts, cause)
  })
  return [...refusals(profile, known), ...rest]
}

/** The failures that a login would raise before it opens a browser. */
function refusals(profile: Profile, known: ServerMetadata | undefined): Finding[] {
  if (!usesRedirectUri(profile)) return []
  return [
    ...refusal('preset', profile, () => requireRegistrable(profile)),
    ...(known === undefined
      ? []
      : refusal('request', profile, () => void requireRequestable(profile, known, false))),
  ]
}

function refusal(check: string, profile: Profile, requirement: () => void): Finding[] {
  try {
    requirement()
    return []
  } catch (error) {
    return [failed(check, asCatchdError(error).of(profile.name))]
  }
}

function judge({ check, agreed }: Point, facts: Facts, cause: Cause | undefined): Finding[] {
  if (cause !== undefined) return [warn(check, causeInWords(cause), cause.fix.run)]
  const detail = agreed(facts)
  return detail === undefined ? [] : [ok(check, detail)]
}

function announced(value: string, supported: readonly string[] | undefined): string | undefined {
  return supported?.includes(value) === true ? `${value}, as the server announces.` : undefined
}

function toRegister({ profile, preset, redirectUri }: Facts): string | undefined {
  if (!usesRedirectUri(profile)) return undefined
  const { port } = new URL(redirectUri)
  if (preset === undefined) {
    return port === '0'
      ? 'Each login uses a new port, so the server has to accept any port of 127.0.0.1, localhost or [::1] (RFC 8252 §7.3).'
      : `Register exactly this redirect URI at the server: ${redirectUri}`
  }
  const registered = registeredRedirectUri(preset, redirectUri)
  return registered === undefined
    ? `${preset.title} does not require you to register ${redirectUri}`
    : `Register exactly this at ${preset.title}: ${registered}`
}
