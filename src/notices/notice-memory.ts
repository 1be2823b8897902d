/**
 * The notices that were sent for each token set. They are kept over restarts in `notices.json` of the state folder. The
 * file contains names and times but no secret, so the daemon does not need the vault at its start.
 *
 * If the file cannot be read or written, a notice may be sent twice. The daemon continues.
 */
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { asCatchdError } from '../failures.js'
import { DurableFile, parseJson } from '../vault/durable-file.js'
import { fromRecord, toRecord } from '../vault/record.js'
import type { NoticePlan } from './notice-plan.js'

/** File name inside the state folder. */
export const NOTICES_FILE = 'notices.json'

const Plan = z.object({
  obtained_at_ms: z.number(),
  needed_at_ms: z.number(),
  known_since_ms: z.number(),
  told_before: z.boolean(),
  told_when: z.boolean(),
  used_at_ms: z.number(),
})
const NoticesRecord = z.object({ version: z.literal(1), profiles: z.record(z.string(), Plan) })

export class NoticeMemory {
  readonly #file: DurableFile
  readonly #onTrouble: (code: string) => void
  #plans = new Map<string, NoticePlan>()
  #isChanged = false
  #writing: Promise<void> = Promise.resolve()

  /** @param onTrouble - Called with a code when the file cannot be read or written. */
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

  /** Resolves when the file is up to date, or the write failed. One write at a time, none without a change. */
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
  const profiles = [...plans].map(([profile, plan]) => [profile, toRecord(Plan, plan)])
  return `${JSON.stringify({ version: 1, profiles: Object.fromEntries(profiles) })}\n`
}

function parse(content: Buffer): Map<string, NoticePlan> {
  const { profiles } = parseJson(content, NoticesRecord)
  return new Map(Object.entries(profiles).map(([profile, plan]) => [profile, fromRecord(Plan, plan)]))
}
