/**
 * Which refresh tokens were being sent when the daemon was killed. Nobody knows whether the server saw the request. If it
 * did, a rotated answer is lost, and nothing else can be: so the refresh token is tried exactly once more, when a refresh
 * is next needed. A server that rotates refresh tokens may take a further use for theft (RFC 9700 §4.14.2), so a kill
 * during that one try is the end (SECURITY.md#one-refresh). The journal contains hashes, never a token.
 */
import { createHash } from 'node:crypto'
import type { StepFacts, StepJournal } from '../journal/step-journal.js'
import type { Secret } from '../secret.js'

/** A journal of steps on the disk. */
export interface Steps extends Pick<StepJournal, 'begun' | 'ended'> {
  readonly interrupted: ReadonlyMap<string, StepFacts>
}

export class RefreshJournal {
  readonly #steps: Steps
  readonly #onTrouble: (error: unknown) => void
  /** Steps that no line has ended yet, by profile. */
  readonly #open = new Map<string, Set<string>>()

  /** @param onTrouble - Called for a write that failed: a full disk must not prevent the refresh. */
  constructor(steps: Steps, onTrouble: (error: unknown) => void) {
    this.#steps = steps
    this.#onTrouble = onTrouble
  }

  /** Resolves when the disk has the line that this refresh token is about to be sent. */
  async sending(profile: string, refreshToken: Secret): Promise<void> {
    const step = stepOf(profile, refreshToken)
    await this.#begin(profile, step, this.#steps.interrupted.has(step) ? ONE_TRY : {})
  }

  /** The request had no answer that settles it. After a kill, its one try is still open. */
  async unsettled(profile: string, refreshToken: Secret): Promise<void> {
    const step = stepOf(profile, refreshToken)
    if (this.#steps.interrupted.has(step)) await this.#begin(profile, step, {})
    else this.#end(profile, step)
  }

  /** The refresh token may be sent again: the server keeps it valid, or nobody will use it any more. */
  settled(profile: string, refreshToken: Secret): void {
    this.#end(profile, stepOf(profile, refreshToken))
  }

  /** The vault now holds something newer than every refresh token that was sent. */
  allSettled(profile: string): void {
    for (const step of [...this.#openOf(profile)]) this.#end(profile, step)
    this.#open.delete(profile)
  }

  /** Whether the refresh token was being sent when the daemon was killed. */
  wasInterrupted(profile: string, refreshToken: Secret): boolean {
    return this.#steps.interrupted.has(stepOf(profile, refreshToken))
  }

  /** Whether the refresh token was being sent when the daemon was killed, and again at its one try after that. */
  wasInterruptedTwice(profile: string, refreshToken: Secret): boolean {
    const facts = this.#steps.interrupted.get(stepOf(profile, refreshToken))
    return facts !== undefined && Object.hasOwn(facts, 'after')
  }

  async #begin(profile: string, step: string, facts: StepFacts): Promise<void> {
    this.#openOf(profile).add(step)
    try {
      await this.#steps.begun(step, facts)
    } catch (error) {
      this.#onTrouble(error)
    }
  }

  #end(profile: string, step: string): void {
    try {
      this.#steps.ended(step)
      this.#open.get(profile)?.delete(step)
    } catch (error) {
      this.#onTrouble(error)
    }
  }

  #openOf(profile: string): Set<string> {
    let open = this.#open.get(profile)
    if (open === undefined) {
      const prefix = `${profile} `
      open = new Set([...this.#steps.interrupted.keys()].filter((step) => step.startsWith(prefix)))
      this.#open.set(profile, open)
    }
    return open
  }
}

/** Of the line before the one try after a kill. */
const ONE_TRY: StepFacts = { after: 'kill' }

/** A profile name has no space in it. */
function stepOf(profile: string, refreshToken: Secret): string {
  return `${profile} ${createHash('sha256').update(refreshToken.reveal()).digest('base64url')}`
}
