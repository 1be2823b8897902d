/**
 * Logins that end at a redirect URI with a code (RFC 6749 §4.1), whether catchd or another tool built their
 * authorization request.
 *
 * Any response with a known `state` uses it up: an error or a wrong issuer ends the login. A code is sent once, to the
 * server that the login began with, after a line in the journal is on the disk. Success is reported when the token set
 * is in the vault. preparation.ts prepares a login.
 */
import * as z from 'zod'
import { isDenial, shownCode } from '../../authorization-server/token-refusal.js'
import { Transcript } from '../../authorization-server/transcript.js'
import { needsNoPerson, usesRedirectUri } from '../../config/grants.js'
import type { Profile } from '../../config/profile.js'
import { RESPONSE_CARRIERS } from '../../config/response-modes.js'
import { BoundServer } from '../../config/server-binding.js'
import { whileSilent } from '../../diagnosis/advice.js'
import { asCatchdError, CatchdError } from '../../failures.js'
import { Secret } from '../../secret.js'
import { tokenSetFrom } from '../../tokens/token-set.js'
import { readRecord, SecretMember, writeRecord } from '../../vault/record.js'
import { type AuthorizationResponse, type CodeResponse, withCodeFrom } from '../authorization-response.js'
import { unsuccessful } from '../endings.js'
import { baseOf, type PendingLogin, type SettledLogin, type StoredSummary } from '../login.js'
import { askedInBrowser, type Ending, reportOf, secretsOf, whyNotBegun } from '../login-report.js'
import type { AdoptionRequest, LoginRequest } from '../login-request.js'
import { keepTokens, profileOfLogin } from '../obtained-tokens.js'
import { certificateOf, prepareLogin } from '../preparation.js'
import type { Bind, KindParts, LoginKind, OpenLogin } from './kind.js'

/** Limit for the texts of an error response, in characters. */
const LONGEST_DESCRIPTION = 500

const CodeLoginRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  profile: z.string(),
  redirect_uri: z.url(),
  listen: z.string().nullable(),
  /** Records of earlier versions have none. */
  certificate: z
    .object({ certificate_file: z.string(), private_key_file: z.string() })
    .nullable()
    .default(null),
  created_at_ms: z.number(),
  expires_at_ms: z.number(),
  state: SecretMember,
  code_verifier: SecretMember.nullable(),
  nonce: SecretMember.nullable(),
  /** Records of earlier versions have none. */
  scope: z.string().nullable().default(null),
  authorization_url: z.url().nullable(),
  authorization_server: z.string(),
  client_id: z.string(),
  /** Records of earlier versions have none. */
  server: BoundServer.nullable().default(null),
  expected_issuer: z.string().nullable(),
  iss_required: z.boolean(),
  response_mode: z.enum(RESPONSE_CARRIERS),
  state_echo: z.boolean(),
  /** Records of earlier versions have none. */
  code_parameter: z.string().default('code'),
})

export function codeKind(parts: KindParts): LoginKind {
  return {
    itemPrefix: 'login/',
    limits: {
      perProfile: 100,
      inAll: 1_000,
      tooMany: '1000 logins are pending, which is the limit. Cancel some, or wait until they expire.',
    },
    goesOnAlone: false,
    begins(request, profile) {
      if (profile === null || 'redirectUri' in request) return undefined
      requireCodeGrant(profile)
      return async (bind) => openCodeLogin(parts, await begin(parts, profile, request, bind))
    },
    restored(item) {
      const record = readRecord(CodeLoginRecord, item)
      if (record === undefined) return undefined
      const { authorizationServer, clientId, server, ...login } = record
      const origin = { authorizationServer, clientId, server }
      return openCodeLogin(parts, { ...login, status: 'pending', kind: 'code', origin })
    },
  }
}

function openCodeLogin(parts: KindParts, login: PendingLogin): OpenLogin {
  return {
    login,
    expiredDetail: 'The login was not finished in time.',
    record: () => writeRecord(CodeLoginRecord, { ...login, ...login.origin }),
    silence: () => whileSilent(report(parts, login, { step: 'no_response' }).causes),
    report(_status, failure, hasArrived) {
      const told = report(parts, login, { step: 'no_response', failure })
      return hasArrived ? { ...told, causes: [] } : told
    },
    redirect: {
      address: login,
      state: login.state,
      carriers: [login.responseMode],
      alsoTakes: login.stateEcho ? 'none' : 'stateless',
      answered: (response) => settle(parts, login, response),
    },
  }
}

async function begin(
  parts: KindParts,
  profile: Profile,
  request: LoginRequest | AdoptionRequest,
  bind: Bind,
): Promise<PendingLogin> {
  const { redirect_uri: asked, listen = null } = profile
  const redirectUri = await bind({ redirectUri: asked, listen, certificate: certificateOf(profile) })
  try {
    return await prepareLogin(parts, profile, redirectUri, request)
  } catch (error) {
    throw whyNotBegun(parts, profile, redirectUri, error)
  }
}

/** @throws CatchdError `request_invalid` for a profile whose grant uses no redirect */
function requireCodeGrant(profile: Profile): void {
  if (usesRedirectUri(profile)) return
  if (!needsNoPerson(profile.grant)) {
    throw new CatchdError('request_invalid', {
      profile: profile.name,
      detail: 'A device login has no authorization request to adopt.',
      next: `catchd login ${profile.name}`,
    })
  }
  throw new CatchdError('request_invalid', {
    profile: profile.name,
    detail: 'This profile needs no login: catchd gets its tokens without one.',
    next: `catchd token ${profile.name}`,
  })
}

async function settle(
  parts: KindParts,
  login: PendingLogin,
  received: AuthorizationResponse,
): Promise<SettledLogin> {
  const response = withCodeFrom(login.codeParameter, received)
  const refusal = judgeIssuer(login, response) ?? judgeError(login, response)
  if (refusal !== undefined || response.kind !== 'code') {
    const failure = refusal ?? new CatchdError('provider_refused')
    return unsuccessful(login, 'failed', failure, report(parts, login, { step: 'authorization', failure }))
  }
  parts.log({ event: 'login.claimed', login: login.id, profile: login.profile })
  const transcript = new Transcript(parts.clock)
  try {
    const stored = await redeem(parts, login, response, transcript)
    const explained = report(parts, login, {
      step: stored.hasRefreshToken ? 'done' : 'no_refresh_token',
      transcript,
    })
    return { ...baseOf(login), status: 'succeeded', stored, report: explained }
  } catch (error) {
    const failure = asCatchdError(error)
    const ending = { step: 'token_request', failure, transcript, parameters: response.extra } as const
    const explained = report(parts, login, ending)
    return unsuccessful(login, 'failed', failure, explained)
  }
}

/** @throws CatchdError `profile_invalid`, `provider_*`, `login_required` after a logout, the vault's codes */
async function redeem(
  parts: KindParts,
  login: PendingLogin,
  response: CodeResponse,
  transcript: Transcript,
): Promise<StoredSummary> {
  const { clock, servers, tokens } = parts
  await noteClaim(parts, login)
  const profile = profileOfLogin(parts, login.profile, login.origin, login.scope)
  const logoutGeneration = tokens.logoutGeneration(login.profile)
  tokens.prepareStore()
  const { code, signedResponse, extra } = response
  const { redirectUri, codeVerifier, nonce, origin } = login
  const { server = null } = origin
  const grant = { code, signedResponse, redirectUri, codeVerifier, nonce, server, transcript }
  const answer = await servers.redeem(profile, grant)
  const beside = { members: extra, secrets: [login.state, code, codeVerifier, nonce] }
  const set = tokenSetFrom(answer, login.origin, profile.scope ?? null, clock.now(), beside)
  return keepTokens(parts, login.profile, set, logoutGeneration)
}

/** A full disk must not cost the user the login: the code is valid once, and it has arrived. */
async function noteClaim({ journalClaim, log }: KindParts, login: PendingLogin): Promise<void> {
  try {
    await journalClaim(login)
  } catch (error) {
    log({ event: 'login.trouble', login: login.id, step: 'journal', code: asCatchdError(error).code })
  }
}

/** RFC 9207 §2.4: a simple string comparison, whenever the profile names an issuer. */
function judgeIssuer(login: PendingLogin, response: AuthorizationResponse): CatchdError | undefined {
  if (login.expectedIssuer === null) return undefined
  if (response.iss === null) {
    if (!login.issRequired) return undefined
    return new CatchdError('issuer_mismatch', {
      profile: login.profile,
      detail: `The response names no issuer, although ${login.expectedIssuer} announces that its responses name it (RFC 9207).`,
    })
  }
  if (response.iss === login.expectedIssuer) return undefined
  return new CatchdError('issuer_mismatch', {
    profile: login.profile,
    detail: `The response does not come from ${login.expectedIssuer}. The code was not redeemed.`,
    evidence: { issuer: secretsOf(login).line(response.iss, LONGEST_DESCRIPTION), issuerFrom: 'response' },
  })
}

function judgeError(login: PendingLogin, response: AuthorizationResponse): CatchdError | undefined {
  if (response.kind === 'code') return undefined
  const about = {
    profile: login.profile,
    errorDescription:
      response.errorDescription === null
        ? undefined
        : secretsOf(login).line(response.errorDescription, LONGEST_DESCRIPTION),
  }
  if (response.kind === 'incomplete') {
    return new CatchdError('provider_refused', {
      ...about,
      detail:
        'The authorization server sent neither a code nor an error. Some servers do that if the request is denied.',
    })
  }
  const denied = isDenial(response.error)
  return new CatchdError(denied ? 'authorization_denied' : 'provider_refused', {
    ...about,
    detail: denied
      ? 'The request was denied at the authorization server.'
      : 'The authorization server answered the authorization request with an error.',
    error: shownCode(response.error, secretsOf(login)),
    evidence: { errorCode: new Secret(response.error) },
  })
}

function report(parts: KindParts, login: PendingLogin, ending: Ending) {
  return reportOf(parts, { ...login, asked: askedInBrowser(login, ending) }, ending)
}
