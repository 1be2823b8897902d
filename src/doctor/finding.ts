/**
 * What one check of `catchd doctor` found: how it is, and one command that puts it right.
 *
 * Pure. Details are fit for a public bug report: names, paths and numbers, never a secret.
 */
import { asCatchdError, EXIT } from '../failures.js'

export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly detail: string
  /** One command to run; `null` where nothing has to be done, or no command does it. */
  readonly next: string | null
  /** What the program ends with when this is the first failure. */
  readonly exitCode: number
}

export function ok(check: string, detail: string): Finding {
  return { check, status: 'ok', detail, next: null, exitCode: EXIT.done }
}

/** Works, and a person may want to know. */
export function warn(check: string, detail: string, next: string | null = null): Finding {
  return { check, status: 'warn', detail, next, exitCode: EXIT.done }
}

/** @param exitCode - Of `EXIT`. */
export function fail(check: string, exitCode: number, detail: string, next: string | null): Finding {
  return { check, status: 'fail', detail, next, exitCode }
}

/** What was thrown, as a failed check. A failure that names `catchd doctor` says the command in its detail. */
export function failed(check: string, thrown: unknown): Finding {
  const failure = asCatchdError(thrown)
  const next = failure.next === 'catchd doctor' ? commandIn(failure.message) : failure.next
  return fail(check, failure.exitCode, failure.message, next)
}

/** @returns The exit code of the first failure: checks are listed with causes before what follows from them. */
export function exitCodeOf(findings: readonly Finding[]): number {
  return findings.find(({ status }) => status === 'fail')?.exitCode ?? EXIT.done
}

/** Of `… run: chmod 600 'file'`. */
function commandIn(text: string): string | null {
  return /\brun: (.+)$/i.exec(text)?.[1] ?? null
}
