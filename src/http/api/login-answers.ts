/**
 * A login in the JSON of the API: one schema for each way that it can stand, and the mapping from what the program knows.
 *
 * Pure. `status` tells them apart; where two have the same one, `profile` is null for what is only caught, and
 * `redirect_uri` is null for a device login. What a status does not have is null or left out.
 */
import * as z from 'zod'
import { toInstant } from '../../clock.js'
import type { Login, PendingCatch, StoredSummary } from '../../login/login.js'
import type { AnyPendingLogin } from '../../login/logins.js'
import { FailureAnswer, failureAnswer } from './failure-answer.js'
import { LoginReportAnswer, reportAnswer } from './login-report.js'

const Instant = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC' })

const login_id = z.string()
const profile = z.string()
const onlyCaught = z.null().describe('null for what is only caught')
const redirect_uri = z.string()
const redirectUriIfAny = z.string().nullable().describe('null for a device login')

/** The answer that begins a login goes without them. */
const notYet = z.null().optional()
const ahead = { error: notYet, stored: notYet, report: notYet }
const Report = LoginReportAnswer.nullable()

const PendingLoginAnswer = z
  .object({
    login_id,
    profile,
    status: z.literal('pending'),
    authorization_url: z.string().optional().describe('Left out for a login that was adopted'),
    redirect_uri,
    expires_at: Instant,
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
      .describe('Where a person goes, with the code in it where the server allows it'),
    redirect_uri: z.null(),
    expires_at: Instant,
    user_code: z.string().describe('What a person enters'),
    verification_uri: z.string().describe('Where they enter it'),
    verification_uri_complete: z.string().optional().describe('The same with the code in it'),
    ...ahead,
  })
  .meta({ id: 'PendingDeviceLogin', description: 'Waits for a person to enter a code (RFC 8628)' })

const PendingCatchAnswer = z
  .object({
    login_id,
    profile: onlyCaught,
    status: z.literal('pending'),
    authorization_url: z.never().optional().describe('Known to the tool that built the request'),
    redirect_uri,
    expires_at: Instant,
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
  .meta({ id: 'ExchangingLogin', description: 'The token request is on its way' })

const StoredTokenSet = z
  .object({
    stored_in: z.string(),
    scope: z.string().nullable(),
    expires_at: Instant.nullable(),
    refreshable: z.boolean(),
    subject: z.string().nullable(),
  })
  .meta({ id: 'StoredTokenSet', description: 'What a succeeded login put into the vault' })

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
      'Where no refresh token came and it is known what would bring one; not kept over a restart',
    ),
  })
  .meta({ id: 'SucceededLogin' })

const CaughtLoginAnswer = z
  .object({
    login_id,
    profile: onlyCaught,
    status: z.literal('succeeded'),
    redirect_uri,
    expires_at: Instant,
    error: z.null(),
    response: z
      .record(z.string(), z.string())
      .optional()
      .describe('Once: the parameters of the authorization response as they came'),
    stored: z.null(),
    report: z.null(),
  })
  .meta({ id: 'CaughtLogin', description: 'A response that was caught; it is handed over once' })

const UnsuccessfulLoginAnswer = z
  .object({
    login_id,
    profile: z.string().nullable().describe('null for what was only to be caught'),
    status: z.enum(['failed', 'expired', 'cancelled']),
    redirect_uri: redirectUriIfAny,
    expires_at: Instant,
    error: FailureAnswer,
    stored: z.null(),
    report: Report.describe('What was sent and answered, and likely causes; not kept over a restart'),
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

export function startedLoginAnswer(login: AnyPendingLogin | PendingCatch): StartedLoginAnswer {
  const { id, status, redirectUri } = login
  const common = { login_id: id, status, expires_at: toInstant(login.expiresAtMs) }
  if ('device' in login) {
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
  if (login.profile === null) return { ...common, profile: null, redirect_uri: redirectUri }
  return {
    ...common,
    profile: login.profile,
    redirect_uri: redirectUri,
    ...(login.authorizationUrl === null ? {} : { authorization_url: login.authorizationUrl }),
  }
}

/** @param response - What was caught, where it is handed over with this answer. */
export function loginAnswer(login: Login, response?: Readonly<Record<string, string>>): LoginAnswer {
  if (login.status === 'pending') {
    return { ...startedLoginAnswer(login), error: null, stored: null, report: null }
  }
  const common = {
    login_id: login.id,
    redirect_uri: login.redirectUri === '' ? null : login.redirectUri,
    expires_at: toInstant(login.expiresAtMs),
  }
  switch (login.status) {
    case 'exchanging': {
      const { profile, status } = login
      return { ...common, profile, status, error: null, stored: null, report: null }
    }
    case 'succeeded': {
      const { status } = login
      if (login.profile === null) {
        const caught = { profile: null, status, redirect_uri: login.redirectUri }
        const once = response === undefined ? {} : { response }
        return { ...common, ...caught, error: null, ...once, stored: null, report: null }
      }
      const stored = storedAnswer(login.stored)
      return { ...common, profile: login.profile, status, error: null, stored, report: reportOrNull(login) }
    }
    default: {
      const { profile, status, failure } = login
      const error = failureAnswer(failure)
      return { ...common, profile, status, error, stored: null, report: reportOrNull(login) }
    }
  }
}

function reportOrNull({
  report,
}: Pick<Extract<Login, { failure: unknown }>, 'report'>): LoginReportAnswer | null {
  return report === undefined ? null : reportAnswer(report)
}

function storedAnswer(stored: StoredSummary) {
  return {
    stored_in: stored.storedIn,
    scope: stored.scope,
    expires_at: stored.accessTokenExpiresAtMs === null ? null : toInstant(stored.accessTokenExpiresAtMs),
    refreshable: stored.hasRefreshToken,
    subject: stored.subject,
  }
}
