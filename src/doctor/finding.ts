/**
 * The result of one check of `catchd doctor`: a status, a detail, and one command that fixes the problem.
 *
 * Pure. Details can go into a public bug report: they hold names, paths and numbers, never a secret.
 */
import { asCatchdError, EXIT } from '../failures.js'

export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly detail: string
  /** One command to run; `null` if nothing has to be done, or if no command can do it. */
  readonly next: string | null
  /** The program's exit code when this is the first failure. */
  readonly exitCode: number
}

export function ok(check: string, detail: string): Finding {
  return { check, status: 'ok', detail, next: null, exitCode: EXIT.done }
}

/** For a thing that works, but that the user may want to know about. */
export function warn(check: string, detail: string, next: string | null = null): Finding {
  return { check, status: 'warn', detail, next, exitCode: EXIT.done }
}

/** @param exitCode - Of `EXIT`. */
export function fail(check: string, exitCode: number, detail: string, next: string | null): Finding {
  return { check, status: 'fail', detail, next, exitCode }
}

/**
 * A thrown error as a failed check. Where an error's next command is `catchd doctor`, the command is taken from the
 * error's detail instead: the user is already running `catchd doctor`.
 */
export function failed(check: string, thrown: unknown): Finding {
  const failure = asCatchdError(thrown)
  const next = failure.next === 'catchd doctor' ? commandIn(failure.message) : failure.next
  return fail(check, failure.exitCode, failure.message, next)
}

/** @returns The exit code of the first failure. Causes come before their effects in the list. */
export function exitCodeOf(findings: readonly Finding[]): number {
  return findings.find(({ status }) => status === 'fail')?.exitCode ?? EXIT.done
}

/** Finds the command in `… run: chmod 600 'file'`. */
function commandIn(text: string): string | null {
  return /\brun: (.+)$/i.exec(text)?.[1] ?? null
}
