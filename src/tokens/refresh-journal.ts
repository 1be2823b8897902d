/**
 * Which refresh tokens were on their way when the daemon was killed. Servers that rotate refresh tokens take a
 * second use for theft and revoke everything (RFC 9700 §4.14.2), so one whose answer may have been lost is not
 * sent again. The journal holds hashes, never a token.
 */
import { createHash } from 'node:crypto'
import type { Secret } from '../secret.js'

/** A journal of steps on the disk. */
export interface Steps {
  readonly interrupted: ReadonlyMap<string, unknown>
  begun(step: string, facts: Readonly<Record<string, string>>): Promise<void>
  ended(step: string): void
}

export class RefreshJournal {
  readonly #steps: Steps
  readonly #onTrouble: (error: unknown) => void
  /** Steps that no line has ended yet, by profile. */
  readonly #open = new Map<string, Set<string>>()

  /** @param onTrouble - A full disk must not cost the refresh; it is reported here. */
  constructor(steps: Steps, onTrouble: (error: unknown) => void) {
    this.#steps = steps
    this.#onTrouble = onTrouble
  }

  /** Resolves when it is on the disk that the refresh token is about to be sent. */
  async sending(profile: string, refreshToken: Secret): Promise<void> {
    const step = stepOf(profile, refreshToken)
    this.#openOf(profile).add(step)
    try {
      await this.#steps.begun(step, {})
    } catch (error) {
      this.#onTrouble(error)
    }
  }

  /** The refresh token may be sent again: it was answered without tokens, or goes on after them. */
  settled(profile: string, refreshToken: Secret): void {
    this.#end(profile, stepOf(profile, refreshToken))
  }

  /** What the vault holds of the profile now is newer than every refresh token that was sent. */
  allSettled(profile: string): void {
    for (const step of [...this.#openOf(profile)]) this.#end(profile, step)
    this.#open.delete(profile)
  }

  /** Whether the last run sent the refresh token and did not live to store the answer. */
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
