/** The device authorization grant (RFC 8628): the request that begins it, and the meaning of refused polls. */
import * as z from 'zod'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { parseMembers } from './answer-members.js'
import { resources, setChallenge, setParametersOfProfile, wireScope } from './authorization-request.js'
import type { ClientRequests } from './client-requests.js'
import { readDuration } from './duration.js'
import type { Members } from './json-object.js'
import type { ServerMetadata } from './metadata-document.js'
import { randomSecret } from './pkce.js'
import type { DeviceAuthorization, DevicePoll } from './port.js'
import { boundServer } from './secret-destination.js'
import type { SentValues } from './sent-values.js'
import { codeOfRefusal, findRefusal, isDenial } from './token-refusal.js'
import type { TokenAnswer } from './token-response.js'

/** RFC 8628 §3.2: the interval if the server names none. */
const DEFAULT_INTERVAL_SECONDS = 5
/** No user takes longer to enter a code. */
const LONGEST_SECONDS = 3_600

/** Google calls the URI verification_url. */
const Answer = z.object({
  device_code: z.string().min(1).max(4_096),
  user_code: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[\x20-\x7e]+$/),
  verification_uri: z.string().optional(),
  verification_url: z.string().optional(),
  verification_uri_complete: z.string().nullish(),
  expires_in: z.unknown().optional(),
  interval: z.unknown().optional(),
})

/** @throws CatchdError `profile_invalid`, `provider_refused`, `provider_unreachable`, `provider_answer_invalid` */
export async function authorizeDevice(
  requests: ClientRequests,
  profile: Profile,
  server: ServerMetadata,
): Promise<DeviceAuthorization> {
  const parameters = new URLSearchParams()
  const scope = wireScope(profile)
  if (scope !== '') parameters.set('scope', scope)
  for (const resource of resources(profile)) parameters.append('resource', resource)
  setParametersOfProfile(parameters, profile)
  // RFC 8628 knows no PKCE, so only a profile that says so has it. Keycloak can require it.
  const codeVerifier = profile.code_challenge_method === 'none' ? null : randomSecret()
  if (codeVerifier !== null) setChallenge(parameters, profile, codeVerifier)
  const { response, sent } = await requests.send(
    profile,
    { server, key: 'device_authorization_endpoint', bound: 'client' },
    ({ oauth, client, authentication, options }) =>
      oauth.deviceAuthorizationRequest(server, client, authentication, parameters, options),
    { isProven: false },
  )
  const members = parseMembers({
    contentType: response.headers.get('content-type') ?? '',
    body: await response.text(),
  })
  const answer = readAnswer(members, response.status, sent, codeVerifier !== null)
  return { ...answer, codeVerifier, server: boundServer(profile, server) }
}

function readAnswer(
  members: Members | undefined,
  status: number,
  sent: SentValues,
  hasChallenge: boolean,
): Omit<DeviceAuthorization, 'server' | 'codeVerifier'> {
  const refusal = members === undefined ? undefined : findRefusal(members, status, sent)
  if (refusal !== undefined) throw hasChallenge ? refusal : withAdvice(refusal)
  const answer = Answer.safeParse(members).data
  const uri = answer?.verification_uri ?? answer?.verification_url
  if (answer === undefined || uri === undefined) throw unusable(`cannot be read (${status})`)
  const { verification_uri_complete: complete } = answer
  const lifetime = readDuration(answer.expires_in)
  if (lifetime === 0) throw unusable('has already expired')
  // They are shown to the user, and a browser opens them.
  if ([answer.user_code, uri, complete ?? ''].some((text) => sent.areIn(text))) {
    throw unusable('repeats a secret that catchd sent')
  }
  return {
    deviceCode: new Secret(answer.device_code),
    userCode: answer.user_code,
    verificationUri: webUrl(uri),
    verificationUriComplete: complete == null ? null : webUrl(complete),
    expiresInSeconds: Math.min(lifetime ?? LONGEST_SECONDS, LONGEST_SECONDS),
    // An interval of 0 would mean no pause at all, which no server wants.
    intervalSeconds: Math.min(readDuration(answer.interval) || DEFAULT_INTERVAL_SECONDS, LONGEST_SECONDS),
  }
}

/** Keycloak requires PKCE here for a client that has it switched on. */
function withAdvice(refusal: CatchdError): CatchdError {
  const { code, error, errorDescription, evidence } = refusal
  if (!/code[_ ]?challenge|\bPKCE\b/i.test(`${error} ${errorDescription}`)) return refusal
  return new CatchdError(code, {
    detail: 'The server requires PKCE for device logins. Set code_challenge_method to S256.',
    error,
    errorDescription,
    evidence,
    next: 'catchd profile edit {profile}',
  })
}

/** A browser opens this URL. */
function webUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url.href
  throw unusable('names a verification URI that is not an http or https URL')
}

/** The meaning of a refused poll (RFC 8628 §3.5). */
export function refusedDevice(
  error: CatchdError,
  { status }: Pick<TokenAnswer, 'status'>,
): Exclude<DevicePoll, { outcome: 'issued' }> {
  const code = codeOfRefusal(error)
  if (code === 'authorization_pending') return { outcome: 'pending' }
  if (code === 'slow_down') return { outcome: 'slow_down' }
  const named = { error: error.error ?? '', errorDescription: error.errorDescription ?? '' }
  if (isDenial(code)) {
    return { outcome: 'ended', error: new CatchdError('authorization_denied', named) }
  }
  if (code === 'expired_token') {
    return { outcome: 'ended', error: new CatchdError('login_expired', 'The code was not entered in time.') }
  }
  return { outcome: status === 429 || status >= 500 ? 'retry_later' : 'ended', error }
}

function unusable(what: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The device authorization response ${what}.`)
}
