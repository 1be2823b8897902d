/**
 * What a fuzz target is, and when a mutant is a finding.
 *
 * A target takes hostile input to one edge of the program and reports what it did with it. It judges nothing: one rule
 * here does. Expected is a failure with a code of src/failures.ts. A finding is the code `internal`, a process that ended
 * or did not answer, or a canary in what was shown (SECURITY.md#no-secret-leaks).
 */
import type fc from 'fast-check'
import { FAILURES } from '../../src/failures.js'

export interface FuzzTarget<Input> {
  readonly name: string
  /** Its share of the mutants of a run; 1 for a cheap one, less for one that needs a connection or a process. */
  readonly weight: number
  readonly arbitrary: fc.Arbitrary<Input>
  /** Starts what all mutants share. */
  start(): Promise<RunningTarget<Input>>
}

export interface RunningTarget<Input> {
  run(input: Input): Promise<Observed>
  stop(): Promise<void>
}

export interface Observed {
  /** `ok`, a code of src/failures.ts, an HTTP status, or what else the caller saw. */
  readonly outcome: string
  /** All that a user, a browser, a log or another program can see: answers, pages, stderr, log lines, error texts. */
  readonly shown: readonly string[]
  /** Secrets of this run that the program made itself, so that they have no mark. */
  readonly secrets?: readonly string[]
  /** Whether the process that runs the program ended, where the target starts one. */
  readonly exited?: boolean
}

export interface Verdict extends Observed {
  readonly exited: boolean
  readonly internal: boolean
  /** The canaries that were shown, and how they were encoded. */
  readonly canaries: readonly string[]
}

/** Begins every secret that a target puts into the program. None may be seen again. */
const MARK = 'Canary-'

/** A secret to search for. Only letters, digits and `-`, so that it is a legal token, password and query value. */
export function canary(name: string): string {
  return `${MARK}${name}-9f3b61`
}

/** The mark in each encoding in which a secret is sent: base64 differs with the position in its group of three. */
const FORMS: ReadonlyMap<string, RegExp> = new Map([
  ['raw', new RegExp(`${MARK}[\\w-]*`, 'i')],
  ['base64', /Q2FuYXJ5L|NhbmFyeS|DYW5hcnkt/],
  ['hex', /43616e6172792d/i],
])

export function judge(observed: Observed): Verdict {
  const shown = observed.shown.join('\n')
  const canaries = [...FORMS].flatMap(([form, pattern]) => {
    const found = pattern.exec(shown)
    return found === null ? [] : [`${found[0]} (${form})`]
  })
  for (const secret of observed.secrets ?? []) {
    const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '')
    if (shown.includes(secret) || shown.includes(base64)) canaries.push(secret)
  }
  const internal =
    /^(internal|500)$/.test(observed.outcome) ||
    shown.includes(FAILURES.internal.title) ||
    /"code":\s*"internal"/.test(shown)
  return { ...observed, exited: observed.exited ?? false, internal, canaries }
}

export function isFinding({ exited, internal, canaries }: Verdict): boolean {
  return exited || internal || canaries.length > 0
}
