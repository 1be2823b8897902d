/** Failures of a call to the daemon: those in its answers (problem details, RFC 9457), and that nothing listens. */
import {
  CatchdError,
  FAILURES,
  type FailureCode,
  type FailureContext,
  type ProblemMembers,
} from '../failures.js'

/** A member of a request that is not valid. */
export interface Mistake {
  /** `body`, `query` or `path`. */
  readonly in: string
  readonly name: string
  readonly detail: string
}

/** A failure that the daemon answered with. */
export class DaemonError extends CatchdError {
  /** With `login_required` and `scope_insufficient`: the login that was started or waited for. */
  readonly loginId: string | undefined
  /** With `login_required` and `scope_insufficient`: where the user continues that login. */
  readonly authorizationUrl: string | undefined
  /** With `scope_insufficient`: the scopes that the token does not have; otherwise empty. */
  readonly missing: readonly string[]
  /** false if the URL answers without a token and names no authorization server; `undefined` if that is unknown. */
  readonly isProtected: boolean | undefined
  /** With `request_invalid`, and for a profile that is not valid: each mistake; otherwise empty. */
  readonly mistakes: readonly Mistake[]

  constructor(code: FailureCode, context: FailureContext, members: Readonly<Record<string, unknown>> = {}) {
    super(code, context)
    this.loginId = text(members['login_id'])
    this.authorizationUrl = text(members['authorization_url'])
    this.missing = context.members?.missing ?? []
    this.isProtected = context.members?.protected
    this.mistakes = Array.isArray(members['errors']) ? members['errors'] : []
  }
}

/** Nothing was sent, so the call may be made again after the daemon is started. */
export class NothingListens extends CatchdError {}

/**
 * The failure in problem details. A code that this version does not know (from a newer daemon) becomes `internal` and
 * keeps its text.
 *
 * @returns `undefined` if `value` is not a problem of catchd.
 */
export function problemToError(value: unknown): DaemonError | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const problem = value as Readonly<Record<string, unknown>>
  const code = text(problem['code'])
  if (code === undefined) return undefined
  const known = Object.hasOwn(FAILURES, code)
  const context = {
    detail: text(problem['detail']) ?? (known ? undefined : text(problem['title'])),
    profile: text(problem['profile']),
    error: text(problem['error']),
    errorDescription: text(problem['error_description']),
    next: text(problem['next']),
    members: membersIn(problem),
  }
  const given = Object.entries(context).filter(([, member]) => member !== undefined)
  return new DaemonError(known ? (code as FailureCode) : 'internal', Object.fromEntries(given), problem)
}

/** The failure that a program printed with `--json` on stderr: the last line with problem details. */
export function lastProblem(stderr: string): DaemonError | undefined {
  return stderr
    .split('\n')
    .map((line) => problemToError(parseJson(line)))
    .findLast((problem) => problem !== undefined)
}

/** @returns `undefined` if the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function membersIn({ missing, protected: isProtected }: Readonly<Record<string, unknown>>): ProblemMembers {
  return {
    ...(Array.isArray(missing) ? { missing: missing.filter((scope) => typeof scope === 'string') } : {}),
    ...(typeof isProtected === 'boolean' ? { protected: isProtected } : {}),
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
