/**
 * What was told of which token set, kept over restarts in `notices.json` of the state folder: names and instants,
 * no secret, so that a start need not read the vault.
 *
 * A file that cannot be read or written costs at most a notice that comes twice; it never stops the daemon.
 */
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { asCatchdError } from '../failures.js'
import { DurableFile, parseJson } from '../vault/durable-file.js'
import type { NoticePlan } from './notice-plan.js'

/** File name inside the state folder. */
export const NOTICES_FILE = 'notices.json'

const NoticesRecord = z.object({
  version: z.literal(1),
  profiles: z.record(
    z.string(),
    z.object({
      obtained_at_ms: z.number(),
      needed_at_ms: z.number(),
      known_since_ms: z.number(),
      told_before: z.boolean(),
      told_when: z.boolean(),
      used_at_ms: z.number(),
    }),
  ),
})
type NoticesRecord = z.infer<typeof NoticesRecord>

export class NoticeMemory {
  readonly #file: DurableFile
  readonly #onTrouble: (code: string) => void
  #plans = new Map<string, NoticePlan>()
  #isChanged = false
  #writing: Promise<void> = Promise.resolve()

  /** @param onTrouble - Told the code of a file that cannot be read or written. */
  constructor(path: string, onTrouble: (code: string) => void) {
    this.#file = new DurableFile(path)
    this.#onTrouble = onTrouble
  }

  /** Reads the file; never rejects. */
  async load(): Promise<void> {
    try {
      this.#plans = (await this.#file.load(parse)) ?? new Map()
    } catch (error) {
      this.#onTrouble(asCatchdError(error).code)
    }
  }

  get(profile: string): NoticePlan | null {
    return this.#plans.get(profile) ?? null
  }

  all(): IterableIterator<[string, NoticePlan]> {
    return this.#plans.entries()
  }

  /** @param plan - `null` forgets the profile. */
  set(profile: string, plan: NoticePlan | null): void {
    if (isDeepStrictEqual(plan, this.get(profile))) return
    if (plan === null) this.#plans.delete(profile)
    else this.#plans.set(profile, plan)
    this.#isChanged = true
  }

  /** Resolves when the file says what is known now, or cannot; one write at a time, none without a change. */
  save(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      if (!this.#isChanged) return
      this.#isChanged = false
      try {
        await this.#file.replace(serialise(this.#plans))
      } catch (error) {
        this.#isChanged = true
        this.#onTrouble(asCatchdError(error).code)
      }
    })
    return this.#writing
  }
}

function serialise(plans: ReadonlyMap<string, NoticePlan>): string {
  const profiles = [...plans].map(([profile, plan]) => {
    const record: NoticesRecord['profiles'][string] = {
      obtained_at_ms: plan.obtainedAtMs,
      needed_at_ms: plan.neededAtMs,
      known_since_ms: plan.knownSinceMs,
      told_before: plan.toldBefore,
      told_when: plan.toldWhen,
      used_at_ms: plan.usedAtMs,
    }
    return [profile, record] as const
  })
  const record: NoticesRecord = { version: 1, profiles: Object.fromEntries(profiles) }
  return `${JSON.stringify(record)}\n`
}

function parse(content: Buffer): Map<string, NoticePlan> {
  const record = parseJson(content, NoticesRecord)
  return new Map(
    Object.entries(record.profiles).map(([profile, known]) => [
      profile,
      {
        obtainedAtMs: known.obtained_at_ms,
        neededAtMs: known.needed_at_ms,
        knownSinceMs: known.known_since_ms,
        toldBefore: known.told_before,
        toldWhen: known.told_when,
        usedAtMs: known.used_at_ms,
      },
    ]),
  )
}
