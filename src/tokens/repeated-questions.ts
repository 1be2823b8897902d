/**
 * Notices that a program asks again for a token that it was given moments ago. Some tools keep their token and ask again
 * only after a server refused it, and have no other way to say so. Only digests of tokens are kept.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../clock.js'

/** After this time, a program may have other reasons to ask again. */
const MOMENTS_MS = 300_000
/** Of the newest askers. An older one that asks again is taken for a new one. */
const MOST_ASKERS = 1_000

export class RepeatedQuestions {
  readonly #clock: Clock
  /** In the order of the answers. */
  readonly #given = new Map<string, { readonly digest: string; readonly atMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Remembers that the asker gets this token. @returns Whether it was given the same token moments ago. */
  isRepeated(asker: string, token: string): boolean {
    const atMs = this.#clock.now()
    const digest = createHash('sha256').update(token).digest('base64')
    const given = this.#given.get(asker)
    this.#given.delete(asker)
    this.#given.set(asker, { digest, atMs })
    for (const oldest of this.#given.keys()) {
      if (this.#given.size <= MOST_ASKERS) break
      this.#given.delete(oldest)
    }
    const ageMs = atMs - (given?.atMs ?? Number.NEGATIVE_INFINITY)
    return given?.digest === digest && ageMs >= 0 && ageMs < MOMENTS_MS
  }
}
