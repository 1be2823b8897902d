/**
 * Every failure of the program by its code, and the one error class for all of them.
 *
 * A row has the HTTP status (problem details, RFC 9457), the exit code of the command line, and the title that users and
 * the documentation see. A code is public API: rows are added, never renamed or reused. Errors of libraries are translated
 * where they are caught, so that callers only look at `code`.
 */
import type { Secret } from './secret.js'

/** Exit codes of the command line. */
export const EXIT = {
  done: 0,
  unexpected: 1,
  usage: 2,
  login: 3,
  authorizationServer: 4,
  unreachable: 5,
  vault: 6,
  configuration: 7,
  taken: 8,
  timeout: 124,
  interrupted: 130,
} as const

interface Failure {
  readonly status: number
  readonly exitCode: number
  readonly title: string
  /** One command to run next, as it can be run; `{profile}` is replaced by the profile of the failure. */
  readonly next?: string
}

export const FAILURES = {
  login_required: {
    status: 409,
    exitCode: EXIT.login,
    title: 'Login required',
    next: 'catchd login {profile}',
  },
  client_unknown: {
    status: 404,
    exitCode: EXIT.configuration,
    title: 'Unknown API key',
    next: 'catchd client list',
  },
  profile_unknown: {
    status: 404,
    exitCode: EXIT.configuration,
    title: 'Unknown profile',
    next: 'catchd profile list',
  },
  profile_invalid: {
    status: 422,
    exitCode: EXIT.configuration,
    title: 'The profile cannot be used as configured',
    next: 'catchd profile edit {profile}',
  },
  login_unknown: {
    status: 404,
    exitCode: EXIT.login,
    title: 'Unknown login',
    next: 'catchd login {profile}',
  },
  login_expired: {
    status: 410,
    exitCode: EXIT.login,
    title: 'Login timed out',
    next: 'catchd login {profile}',
  },
  state_unknown: {
    status: 400,
    exitCode: EXIT.login,
    title: 'No pending login has this state',
    next: 'catchd login {profile}',
  },
  redirect_malformed: {
    status: 400,
    exitCode: EXIT.login,
    title: 'The authorization response is not valid',
    next: 'catchd login {profile}',
  },
  issuer_mismatch: {
    status: 400,
    exitCode: EXIT.authorizationServer,
    title: 'Another issuer than expected',
    next: 'catchd doctor {profile}',
  },
  redirect_port_in_use: {
    status: 409,
    exitCode: EXIT.taken,
    title: 'The port of the redirect URI is in use',
    next: 'catchd doctor {profile}',
  },
  api_port_in_use: {
    status: 503,
    exitCode: EXIT.taken,
    title: 'The API port is in use',
    next: 'catchd doctor',
  },
  authorization_denied: {
    status: 403,
    exitCode: EXIT.login,
    title: 'The authorization was denied',
    next: 'catchd login {profile}',
  },
  scope_insufficient: {
    status: 403,
    exitCode: EXIT.login,
    title: 'The token lacks scopes',
    next: 'catchd inspect {profile}',
  },
  provider_refused: {
    status: 502,
    exitCode: EXIT.authorizationServer,
    title: 'The authorization server refused',
    next: 'catchd doctor {profile}',
  },
  provider_unreachable: {
    status: 504,
    exitCode: EXIT.unreachable,
    title: 'The authorization server cannot be reached',
    next: 'catchd doctor {profile}',
  },
  provider_answer_invalid: {
    status: 502,
    exitCode: EXIT.authorizationServer,
    title: 'The answer of the authorization server is not valid',
    next: 'catchd doctor {profile}',
  },
  vault_locked: {
    status: 503,
    exitCode: EXIT.vault,
    title: 'The vault is locked',
    next: 'catchd vault status',
  },
  vault_unavailable: {
    status: 503,
    exitCode: EXIT.vault,
    title: 'The vault cannot be used',
    next: 'catchd vault status',
  },
  locked: {
    status: 423,
    exitCode: EXIT.vault,
    title: 'catchd is locked',
    next: 'catchd unlock',
  },
  unauthorized: {
    status: 401,
    exitCode: EXIT.configuration,
    title: 'An API key is required',
    next: 'catchd client list',
  },
  forbidden: {
    status: 403,
    exitCode: EXIT.configuration,
    title: 'The API key does not allow this',
    next: 'catchd client list',
  },
  host_refused: {
    status: 403,
    exitCode: EXIT.usage,
    title: 'The Host header does not name this server',
    next: 'catchd status',
  },
  origin_refused: {
    status: 403,
    exitCode: EXIT.usage,
    title: 'Requests from web pages are refused',
    next: 'catchd status',
  },
  request_invalid: {
    status: 400,
    exitCode: EXIT.usage,
    title: 'Invalid request',
    next: 'catchd help',
  },
  route_unknown: { status: 404, exitCode: EXIT.usage, title: 'Not found', next: 'catchd help' },
  too_many_logins: {
    status: 429,
    exitCode: EXIT.login,
    title: 'Too many logins are pending',
    next: 'catchd dashboard',
  },
  config_invalid: {
    status: 422,
    exitCode: EXIT.configuration,
    title: 'The configuration is not valid',
    next: 'catchd profile edit',
  },
  already_running: {
    status: 409,
    exitCode: EXIT.taken,
    title: 'A daemon is already running',
    next: 'catchd status',
  },
  daemon_unreachable: {
    status: 503,
    exitCode: EXIT.unreachable,
    title: 'The daemon cannot be reached',
    next: 'catchd daemon logs',
  },
  forwarding_failed: {
    status: 502,
    exitCode: EXIT.unreachable,
    title: 'The API was not forwarded to the other machine',
    next: 'catchd help forward',
  },
  internal: { status: 500, exitCode: EXIT.unexpected, title: 'Unexpected error', next: 'catchd daemon logs' },
} as const satisfies Record<string, Failure>

export type FailureCode = keyof typeof FAILURES

/** Facts for a diagnosis, besides code and texts. Never printed. */
export interface Evidence {
  /** The code that Node.js or a library gave: `CERT_HAS_EXPIRED`, `ECONNREFUSED`. */
  readonly reason?: string
  /** The issuer that metadata or a response named instead of the expected one. Not trusted. */
  readonly issuer?: string
  /** Where `issuer` was read: in the server's metadata, or in a response that a browser brought. */
  readonly issuerFrom?: 'metadata' | 'response'
  /** The server's error code as it came. `error` is the one to show, in which secrets are masked. */
  readonly errorCode?: Secret
  /** The `token_type` of tokens that cannot be used, with secrets masked. */
  readonly tokenType?: string
}

export interface FieldError {
  /** `body`, `path` or `query`. */
  readonly in: string
  /** Path of the member, such as `issuer`. */
  readonly name: string
  /** The rule, never the value. */
  readonly detail: string
}

/** Facts about a failure that programs can act on. */
export interface ProblemMembers {
  /** With `scope_insufficient`: the scopes that the token does not have. */
  readonly missing?: readonly string[]
  /** Where each mistake in a request is, and its rule. */
  readonly errors?: readonly FieldError[]
  /** With `provider_answer_invalid`: false if the URL answers without a token and names no authorization server. */
  readonly protected?: boolean
}

/** What an error may say beyond its code. Everything in it may appear in a public bug report. */
export interface FailureContext {
  /** One or two sentences: the cause, with names and numbers, never a secret. */
  readonly detail?: string | undefined
  readonly profile?: string | undefined
  /** `error` and `error_description` of the authorization server (RFC 6749 §4.1.2.1, §5.2). */
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
  /** Replaces the catalogue's command to run next. */
  readonly next?: string | undefined
  /** More for programs: extension members of the problem details (RFC 9457 §3.2). */
  readonly members?: ProblemMembers | undefined
  /** @internal */
  readonly evidence?: Evidence | undefined
  readonly cause?: unknown
}

const ABOUT_A_PROFILE = /^catchd (?:doctor|profile \w+) \{profile\}$/

/** A failure with a stable code. Messages never carry a code, state, verifier, token, secret or key. */
export class CatchdError extends Error {
  override readonly name = 'CatchdError'
  readonly code: FailureCode
  readonly detail: string | undefined
  readonly profile: string | undefined
  readonly error: string | undefined
  readonly errorDescription: string | undefined
  /** @internal */
  readonly evidence: Evidence | undefined
  /** @internal */
  readonly members: ProblemMembers
  readonly #context: FailureContext

  constructor(code: FailureCode, detailOrContext: FailureContext | string = {}) {
    const context = typeof detailOrContext === 'string' ? { detail: detailOrContext } : detailOrContext
    super(context.detail ?? FAILURES[code].title, context.cause === undefined ? {} : { cause: context.cause })
    this.code = code
    this.detail = context.detail
    this.profile = context.profile
    this.error = context.error
    this.errorDescription = context.errorDescription
    this.evidence = context.evidence
    this.members = context.members ?? {}
    this.#context = context
  }

  /**
   * The same failure with this profile; a failure that names its profile already stays as it is.
   *
   * @internal
   */
  of(profile: string): CatchdError {
    return this.profile === undefined ? new CatchdError(this.code, { ...this.#context, profile }) : this
  }

  /**
   * The same failure with another text, or another command to run next.
   *
   * @internal
   */
  saying(changes: Pick<FailureContext, 'detail' | 'next'>): CatchdError {
    return new CatchdError(this.code, { ...this.#context, ...changes })
  }

  get status(): number {
    return FAILURES[this.code].status
  }

  get exitCode(): number {
    return FAILURES[this.code].exitCode
  }

  /** The one command to run next. */
  get next(): string {
    const next = this.#context.next ?? FAILURES[this.code].next
    if (this.profile !== undefined) return next.replace('{profile}', this.profile)
    // A command about one profile cannot be run while none is known.
    if (!next.includes('{profile}')) return next
    return ABOUT_A_PROFILE.test(next) ? 'catchd doctor' : 'catchd profile list'
  }
}

/** Problem details (RFC 9457 §3.1), the error body of the API. */
export interface Problem extends ProblemMembers {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: FailureCode
  readonly detail?: string
  readonly next: string
  readonly profile?: string
  readonly error?: string
  readonly error_description?: string
}

/** Wraps anything that was thrown. The text of an error that is not ours is not shown: it may quote a secret. */
export function asCatchdError(thrown: unknown): CatchdError {
  return thrown instanceof CatchdError ? thrown : new CatchdError('internal', { cause: thrown })
}

/** Maps a failure to problem details (RFC 9457 §3.1). */
export function toProblem(thrown: unknown): Problem {
  const failure = asCatchdError(thrown)
  return {
    type: `urn:catchd:failure:${failure.code}`,
    title: FAILURES[failure.code].title,
    status: failure.status,
    code: failure.code,
    ...(failure.detail === undefined ? {} : { detail: failure.detail }),
    next: failure.next,
    ...(failure.profile === undefined ? {} : { profile: failure.profile }),
    ...(failure.error === undefined ? {} : { error: failure.error }),
    ...(failure.errorDescription === undefined ? {} : { error_description: failure.errorDescription }),
    ...failure.members,
  }
}

/** Where an error was thrown, without its message, which may quote a secret. */
export function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const frames = stack.split('\n').filter((line) => line.startsWith('    at '))
  return frames
    .slice(0, 4)
    .map((frame) => frame.trim())
    .join(' | ')
}
