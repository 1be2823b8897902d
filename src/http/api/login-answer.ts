/** The JSON of a login: as it was begun, and as it stands. */
import * as z from 'zod'
import { toInstant } from '../../clock.js'
import type { DevicePrompt, Login, StoredSummary } from '../../login/login.js'
import { LoginReportAnswer, reportAnswer } from './login-report.js'
import { Instant, instantOrNull } from './wire.js'

export const StartedLoginAnswer = z
  .object({
    login_id: z.string(),
    profile: z.string().nullable().describe('null for what is only caught'),
    status: z.enum(['pending', 'exchanging', 'succeeded', 'failed', 'expired', 'cancelled']),
    authorization_url: z
      .string()
      .optional()
      .describe('While the login is pending; not of one that was adopted'),
    redirect_uri: z.string().nullable().describe('null for a device login'),
    expires_at: Instant,
    user_code: z.string().optional().describe('Device login: what a person enters (RFC 8628)'),
    verification_uri: z.string().optional().describe('Device login: where they enter it'),
    verification_uri_complete: z.string().optional().describe('Device login: the same with the code in it'),
  })
  .meta({ id: 'StartedLogin' })
export type StartedLoginAnswer = z.infer<typeof StartedLoginAnswer>

export const LoginAnswer = StartedLoginAnswer.extend({
  error: z
    .object({
      code: z.string(),
      detail: z.string().nullable(),
      error: z.string().nullable(),
      error_description: z.string().nullable(),
    })
    .nullable(),
  response: z
    .record(z.string(), z.string())
    .optional()
    .describe('What was caught, once: the parameters of the authorization response as they came'),
  stored: z
    .object({
      stored_in: z.string(),
      scope: z.string().nullable(),
      expires_at: Instant.nullable(),
      refreshable: z.boolean(),
      subject: z.string().nullable(),
    })
    .nullable()
    .describe('What a succeeded login put into the vault'),
  report: LoginReportAnswer.nullable().describe(
    'Of a login that did not succeed, or brought no refresh token where one could be had; not kept over a restart',
  ),
}).meta({ id: 'Login' })
export type LoginAnswer = z.infer<typeof LoginAnswer>

export function startedLoginAnswer(login: Login): StartedLoginAnswer {
  return {
    login_id: login.id,
    profile: login.profile,
    status: login.status,
    ...(login.status === 'pending' && login.authorizationUrl !== null
      ? { authorization_url: login.authorizationUrl }
      : {}),
    redirect_uri: login.redirectUri === '' ? null : login.redirectUri,
    expires_at: toInstant(login.expiresAtMs),
    ...('device' in login ? devicePrompt(login.device) : {}),
  }
}

function devicePrompt({ userCode, verificationUri, verificationUriComplete }: DevicePrompt) {
  return {
    user_code: userCode,
    verification_uri: verificationUri,
    ...(verificationUriComplete === null ? {} : { verification_uri_complete: verificationUriComplete }),
  }
}

export function loginAnswer(login: Login): LoginAnswer {
  return {
    ...startedLoginAnswer(login),
    error: 'failure' in login ? loginError(login.failure) : null,
    stored: 'stored' in login ? storedAnswer(login.stored) : null,
    report: 'report' in login && login.report !== undefined ? reportAnswer(login.report) : null,
  }
}

export const LoginListAnswer = z.object({ logins: z.array(LoginAnswer) })

function loginError(failure: Extract<Login, { failure: unknown }>['failure']) {
  return {
    code: failure.code,
    detail: failure.detail ?? null,
    error: failure.error ?? null,
    error_description: failure.errorDescription ?? null,
  }
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
