/**
 * A login in the JSON of the API: one schema for each state, and the mapping from the login.
 *
 * Pure. `status` distinguishes them. If two have the same status, `profile` is null for a catch, and `redirect_uri` is
 * null for a device login. Members that a status does not have are null or left out.
 */
import * as z from 'zod'
import { toInstant } from '../../clock.js'
import type { Login, StoredSummary, WaitingLogin } from '../../login/login.js'
import { LoginReportAnswer, reportAnswer } from './login-report.js'
import { FailureAnswer, failureAnswer, Instant, instantOrNull } from './wire.js'

const login_id = z.string()
const profile = z.string()
const isCatch = z.null().describe('null for a catch')
const redirect_uri = z.string()
const redirectUriIfAny = z.string().nullable().describe('null for a device login')

/** The answer that begins a login leaves them out. */
const notYet = z.null().optional()
const ahead = { error: notYet, stored: notYet, report: notYet }
const hint = z
  .string()
  .nullable()
  .optional()
  .describe(
    'Why the login may still wait and what to do, one sentence or value a line: the browser was not opened, what arrived instead of a response that can be read, or what to check if nothing arrived for 20 s; null: nothing is known',
  )
const Report = LoginReportAnswer.nullable()

const PendingLoginAnswer = z
  .object({
    login_id,
    profile,
    status: z.literal('pending'),
    authorization_url: z.string().optional().describe('Left out for a login that was adopted'),
    redirect_uri,
    expires_at: Instant,
    hint,
    ...ahead,
  })
  .meta({ id: 'PendingLogin', description: 'Waits for the browser' })

const PendingDeviceLoginAnswer = z
  .object({
    login_id,
    profile,
    status: z.literal('pending'),
    authorization_url: z
      .string()
      .describe('Where the user enters the code, with the code in the URL if the server supports that'),
    redirect_uri: z.null(),
    expires_at: Instant,
    user_code: z.string().describe('The code that the user enters'),
    verification_uri: z.string().describe('Where the user enters it'),
    verification_uri_complete: z.string().optional().describe('The same with the code in it'),
    hint,
    ...ahead,
  })
  .meta({ id: 'PendingDeviceLogin', description: 'Waits for the user to enter a code (RFC 8628)' })

const PendingCatchAnswer = z
  .object({
    login_id,
    profile: isCatch,
    status: z.literal('pending'),
    authorization_url: z.never().optional().describe('Known to the tool that built the request'),
    redirect_uri,
    expires_at: Instant,
    hint,
    ...ahead,
  })
  .meta({ id: 'PendingCatch', description: 'Waits for a response that another tool redeems' })

const ExchangingLoginAnswer = z
  .object({
    login_id,
    profile,
    status: z.literal('exchanging'),
    redirect_uri: redirectUriIfAny,
    expires_at: Instant,
    error: z.null(),
    stored: z.null(),
    report: z.null(),
  })
  .meta({ id: 'ExchangingLogin', description: 'The token request is under way' })

const StoredTokenSet = z
  .object({
    stored_in: z.string(),
    scope: z.string().nullable(),
    expires_at: Instant.nullable(),
    refreshable: z.boolean(),
    subject: z.string().nullable(),
  })
  .meta({ id: 'StoredTokenSet', description: 'The token set that a login stored in the vault' })

const SucceededLoginAnswer = z
  .object({
    login_id,
    profile,
    status: z.literal('succeeded'),
    redirect_uri: redirectUriIfAny,
    expires_at: Instant,
    error: z.null(),
    stored: StoredTokenSet,
    report: Report.describe(
      'Requests and answers; causes if there is no refresh token and catchd knows how to get one; not kept over a restart',
    ),
  })
  .meta({ id: 'SucceededLogin' })

const CaughtLoginAnswer = z
  .object({
    login_id,
    profile: isCatch,
    status: z.literal('succeeded'),
    redirect_uri,
    expires_at: Instant,
    error: z.null(),
    response: z
      .record(z.string(), z.string())
      .optional()
      .describe('The parameters of the authorization response as received; only in the first answer'),
    stored: z.null(),
    report: z.null(),
  })
  .meta({
    id: 'CaughtLogin',
    description: 'A response that was received for another tool, which gets it once',
  })

const UnsuccessfulLoginAnswer = z
  .object({
    login_id,
    profile: z.string().nullable().describe('null for a catch'),
    status: z.enum(['failed', 'expired', 'cancelled']),
    redirect_uri: redirectUriIfAny,
    expires_at: Instant,
    error: FailureAnswer,
    stored: z.null(),
    report: Report.describe('Requests, answers and likely causes; not kept over a restart'),
  })
  .meta({ id: 'UnsuccessfulLogin' })

export const StartedLoginAnswer = z
  .union([PendingLoginAnswer, PendingDeviceLoginAnswer, PendingCatchAnswer])
  .meta({ id: 'StartedLogin' })
export type StartedLoginAnswer = z.infer<typeof StartedLoginAnswer>

export const LoginAnswer = z
  .union([
    ...StartedLoginAnswer.options,
    ExchangingLoginAnswer,
    SucceededLoginAnswer,
    CaughtLoginAnswer,
    UnsuccessfulLoginAnswer,
  ])
  .meta({ id: 'Login' })
export type LoginAnswer = z.infer<typeof LoginAnswer>

export const LoginListAnswer = z.object({ logins: z.array(LoginAnswer) })

export function startedLoginAnswer(login: WaitingLogin): StartedLoginAnswer {
  const { id, status, redirectUri } = login
  const common = { login_id: id, status, expires_at: toInstant(login.expiresAtMs) }
  if (login.kind === 'device') {
    const { userCode, verificationUri, verificationUriComplete } = login.device
    return {
      ...common,
      profile: login.profile,
      authorization_url: login.authorizationUrl,
      redirect_uri: null,
      user_code: userCode,
      verification_uri: verificationUri,
      ...(verificationUriComplete === null ? {} : { verification_uri_complete: verificationUriComplete }),
    }
  }
  if (login.kind === 'catch') return { ...common, profile: null, redirect_uri: redirectUri }
  return {
    ...common,
    profile: login.profile,
    redirect_uri: redirectUri,
    ...(login.authorizationUrl === null ? {} : { authorization_url: login.authorizationUrl }),
  }
}

/**
 * @param hint - For a login that waits (Logins.hint).
 * @param response - The response that was caught, if this answer hands it over.
 */
export function loginAnswer(
  login: Login,
  hint: string | null = null,
  response?: Readonly<Record<string, string>>,
): LoginAnswer {
  const without = { error: null, stored: null, report: null }
  if (login.status === 'pending') {
    return { ...startedLoginAnswer(login), hint, ...without }
  }
  const common = {
    login_id: login.id,
    redirect_uri: login.redirectUri === '' ? null : login.redirectUri,
    expires_at: toInstant(login.expiresAtMs),
    ...without,
  }
  if (login.status === 'exchanging') return { ...common, profile: login.profile, status: login.status }
  if ('failure' in login) {
    const { profile, status, failure, report } = login
    return { ...common, profile, status, error: failureAnswer(failure), report: reportAnswer(report) }
  }
  const { status } = login
  if (login.profile === null) {
    return {
      ...common,
      profile: null,
      status,
      redirect_uri: login.redirectUri,
      ...(response && { response }),
    }
  }
  const { profile, report } = login
  return { ...common, profile, status, stored: storedAnswer(login.stored), report: reportAnswer(report) }
}

function storedAnswer(stored: StoredSummary) {
  return {
    stored_in: stored.storedIn,
    scope: stored.scope,
    expires_at: instantOrNull(stored.accessTokenExpiresAtMs),
    refreshable: stored.hasRefreshToken,
    subject: stored.subject,
  }
}
