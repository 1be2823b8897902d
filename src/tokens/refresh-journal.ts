/**
 * Which refresh tokens were being sent when the daemon was killed. A server that rotates refresh tokens treats a second
 * use as theft and revokes everything (RFC 9700 §4.14.2), so if the answer may have been lost, catchd does not send
 * that refresh token again (SECURITY.md#one-refresh). The journal contains hashes, never a token.
 */
import { createHash } from 'node:crypto'
import type { StepJournal } from '../journal/step-journal.js'
import type { Secret } from '../secret.js'

/** A journal of steps on the disk. */
export interface Steps extends Pick<StepJournal, 'begun' | 'ended'> {
  readonly interrupted: ReadonlyMap<string, unknown>
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
    this.#openOf(profile).add(step)
    try {
      await this.#steps.begun(step, {})
    } catch (error) {
      this.#onTrouble(error)
    }
  }

  /** The refresh token may be sent again: the answer had no tokens, or the server keeps the refresh token valid. */
  settled(profile: string, refreshToken: Secret): void {
    this.#end(profile, stepOf(profile, refreshToken))
  }

  /** The vault now holds something newer than every refresh token that was sent. */
  allSettled(profile: string): void {
    for (const step of [...this.#openOf(profile)]) this.#end(profile, step)
    this.#open.delete(profile)
  }

  /** Whether the last run sent the refresh token and ended before it stored the answer. */
  wasInterrupted(profile: string, refreshToken: Secret): boolean {
    return this.#steps.interrupted.has(stepOf(profile, refreshToken))
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

/** A profile name has no space in it. */
function stepOf(profile: string, refreshToken: Secret): string {
  return `${profile} ${createHash('sha256').update(refreshToken.reveal()).digest('base64url')}`
}
