/** The device authorization grant (RFC 8628): the request that begins it, and what the answers to polling mean. */
import * as z from 'zod'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { resources, wireScope } from './authorization-request.js'
import { clientAuthentication } from './client-authentication.js'
import type { ServerMetadata } from './metadata.js'
import type { DeviceAuthorization, DevicePoll } from './port.js'
import type { ServerConnections } from './server-connections.js'
import { serverFetch } from './server-fetch.js'
import { findRefusal } from './token-refusal.js'
import type { TokenAnswer } from './token-request.js'

/** RFC 8628 §3.2: without `interval` it is 5 s. */
const DEFAULT_INTERVAL_SECONDS = 5
/** Longer than anybody sits in front of a code. */
const LONGEST_SECONDS = 3_600

/** Numbers come as strings, too; Google says verification_url. */
const Answer = z.looseObject({
  device_code: z.string().min(1).max(4_096),
  user_code: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[\x20-\x7e]+$/),
  verification_uri: z.string().optional(),
  verification_url: z.string().optional(),
  verification_uri_complete: z.string().nullish(),
  expires_in: z.coerce.number().positive(),
  interval: z.coerce.number().nonnegative().nullish(),
})

export interface DeviceClient {
  readonly profile: Profile
  readonly server: ServerMetadata
  readonly clientSecret: Secret | undefined
}

/** @throws CatchdError `profile_invalid`, `provider_refused`, `provider_unreachable`, `provider_answer_invalid` */
export async function authorizeDevice(
  connections: ServerConnections,
  { profile, server, clientSecret }: DeviceClient,
): Promise<DeviceAuthorization> {
  if (server.device_authorization_endpoint === undefined) {
    throw new CatchdError('profile_invalid', {
      profile: profile.name,
      detail: 'The profile has no device_authorization_endpoint, and no metadata names one.',
    })
  }
  const oauth = await import('oauth4webapi')
  const parameters = new URLSearchParams()
  const scope = wireScope(profile)
  if (scope !== '') parameters.set('scope', scope)
  for (const resource of resources(profile)) parameters.append('resource', resource)
  const response = await oauth.deviceAuthorizationRequest(
    server,
    { client_id: profile.client_id },
    clientAuthentication(profile, clientSecret),
    parameters,
    {
      [oauth.customFetch]: serverFetch(connections, profile),
      [oauth.allowInsecureRequests]: true, // beyond loopback, server-exchanges.ts refuses plain http
    },
  )
  const sent = clientSecret === undefined ? [] : [clientSecret]
  return readAnswer(await response.text(), response.status, sent)
}

function readAnswer(body: string, status: number, sent: readonly Secret[]): DeviceAuthorization {
  const members = parseObject(body)
  const refusal = members === undefined ? undefined : findRefusal(members, status, sent)
  if (refusal !== undefined) throw refusal
  const answer = Answer.safeParse(members).data
  const uri = answer?.verification_uri ?? answer?.verification_url
  if (answer === undefined || uri === undefined) throw unusable(`cannot be read (${status})`)
  const { verification_uri_complete: complete } = answer
  return {
    deviceCode: new Secret(answer.device_code),
    userCode: answer.user_code,
    verificationUri: webUrl(uri),
    verificationUriComplete: complete == null ? null : webUrl(complete),
    expiresInSeconds: Math.min(answer.expires_in, LONGEST_SECONDS),
    // 0 asks for no pause at all, which no server can mean.
    intervalSeconds: Math.min(Math.max(answer.interval || DEFAULT_INTERVAL_SECONDS, 1), LONGEST_SECONDS),
  }
}

/** It goes to a browser. */
function webUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url.href
  throw unusable('names a verification URI that is no http or https URL')
}

/** RFC 8628 §3.5. */
export function refusedDevice(
  error: CatchdError,
  { status }: Pick<TokenAnswer, 'status'>,
): Exclude<DevicePoll, { outcome: 'issued' }> {
  if (error.error === 'authorization_pending') return { outcome: 'pending' }
  if (error.error === 'slow_down') return { outcome: 'slow_down' }
  const named = { error: error.error ?? '', errorDescription: error.errorDescription ?? '' }
  if (error.error === 'access_denied') {
    return { outcome: 'ended', error: new CatchdError('authorization_denied', named) }
  }
  if (error.error === 'expired_token') {
    return { outcome: 'ended', error: new CatchdError('login_expired', 'Nobody entered the code in time.') }
  }
  return { outcome: status === 429 || status >= 500 ? 'retry_later' : 'ended', error }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function unusable(what: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The device authorization response ${what}.`)
}
