/**
 * The body of `POST /v1/logins`: a login of a profile, an authorization request of another tool to adopt, or a redirect
 * URI for a catch.
 *
 * One object instead of a union of three, so that an error names the wrong member.
 */
import * as z from 'zod'
import { ProfileName } from '../../config/profile.js'
import type { AnyLoginRequest } from '../../login/login-request.js'
import { Secret } from '../../secret.js'
import { readBindTarget } from '../redirect/bind-target.js'

/** A shorter one can be guessed by a page that sends the browser here (RFC 6749 §10.10). */
const SHORTEST_STATE = 16
const LONGEST_STATE = 1024

/** RFC 6749 §A.5. */
const State = z
  .string()
  .min(SHORTEST_STATE, `must have at least ${SHORTEST_STATE} characters`)
  .max(LONGEST_STATE, `must have at most ${LONGEST_STATE} characters`)
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII')

const OF_PROFILES = ['profile', 'open', 'code_verifier'] as const

export const NewLogin = z
  .strictObject({
    profile: ProfileName.optional().describe('The profile to log in to'),
    open: z
      .boolean()
      .optional()
      .describe(
        'Whether the daemon opens the browser; default false, and never for a request of another tool',
      ),
    timeout: z.int().min(5).max(3600).optional().describe('Seconds until the login expires'),
    state: State.optional().describe('`state` of an authorization request that another tool built'),
    code_verifier: z
      .string()
      .regex(/^[\w.~-]{43,128}$/, 'must be 43 to 128 of A-Z a-z 0-9 - . _ ~ (RFC 7636 §4.1)')
      .optional()
      .describe('`code_verifier` of that request; for a login of a profile, catchd redeems the code with it'),
    redirect_uri: z
      .string()
      .max(2048)
      .refine(canBeBound, 'must be an http URL on loopback, without user information and fragment')
      .optional()
      .describe('For a catch, without a profile: the redirect URI of the response; catchd redeems nothing'),
  })
  .superRefine((body, issues) => {
    const complain = (member: string, message: string) =>
      issues.addIssue({ code: 'custom', path: [member], message })
    if (body.redirect_uri !== undefined) {
      for (const member of OF_PROFILES)
        if (body[member] !== undefined)
          complain(member, 'cannot be used with redirect_uri, because a catch redeems nothing')
      return
    }
    if (body.profile === undefined) complain('profile', 'is missing')
    if (body.state === undefined && body.code_verifier === undefined) return
    if (body.state === undefined) complain('state', 'is required with code_verifier')
    if (body.code_verifier === undefined) complain('code_verifier', 'is required with state')
    if (body.open === true) complain('open', 'cannot be used with an authorization request of another tool')
  })
  .meta({ id: 'NewLogin' })
export type NewLogin = z.infer<typeof NewLogin>

export function loginRequest(body: NewLogin): AnyLoginRequest {
  const { profile = '', open = false, timeout: timeoutSeconds, redirect_uri: redirectUri } = body
  const state = secretOrNull(body.state)
  const codeVerifier = secretOrNull(body.code_verifier)
  if (redirectUri !== undefined) return { redirectUri, state, timeoutSeconds }
  if (state === null || codeVerifier === null) return { profile, open, timeoutSeconds }
  return { profile, state, codeVerifier, timeoutSeconds }
}

function secretOrNull(value: string | undefined): Secret | null {
  return value === undefined ? null : new Secret(value)
}

function canBeBound(redirectUri: string): boolean {
  try {
    readBindTarget(redirectUri, null)
    return true
  } catch {
    return false
  }
}
