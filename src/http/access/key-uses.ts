/**
 * When each API key was last used, and how often: `client-uses.json` in the state folder.
 *
 * Uses are counted in memory. The file is written in the background, at most once a minute and at the end, so a crash
 * loses at most one minute. A file that cannot be read or written is never a reason to refuse a key.
 */
import { join } from 'node:path'
import * as z from 'zod'
import type { Clock } from '../../clock.js'
import { writeDurably } from '../../config/write.js'
import { asCatchdError } from '../../failures.js'
import type { ApiKey } from './api-keys-file.js'
import { readPrivateFile } from './private-files.js'

export interface KeyUse {
  readonly lastUsedAtMs: number | null
  readonly uses: number
}

export interface KeyUsesEvent {
  readonly event: 'client_uses.unreadable' | 'client_uses.unwritten'
  readonly code: string
}

const FILE = 'client-uses.json'
const WRITE_EVERY_MS = 60_000

const Entry = z.object({
  /** The name of the API key. */
  client: z.string(),
  /** Distinguishes the key from an earlier key of the same name. */
  created_at_ms: z.number(),
  last_used_at_ms: z.number(),
  uses: z.int().min(0),
})
const UsesFile = z.object({ version: z.literal(1), uses: z.array(Entry) })

export class KeyUses {
  readonly #path: string
  readonly #clock: Clock
  readonly #log: (event: KeyUsesEvent) => void
  readonly #byName = new Map<string, z.infer<typeof Entry>>()
  #isDirty = false
  #cancelWrite: (() => void) | undefined
  #written: Promise<void> = Promise.resolve()

  private constructor(path: string, clock: Clock, log: (event: KeyUsesEvent) => void) {
    this.#path = path
    this.#clock = clock
    this.#log = log
  }

  /** Never throws. */
  static async open(stateFolder: string, clock: Clock, log: (event: KeyUsesEvent) => void): Promise<KeyUses> {
    const made = new KeyUses(join(stateFolder, FILE), clock, log)
    await made.#read()
    return made
  }

  /** Runs for every request with an API key, so it must be fast. */
  used({ name, createdAtMs }: ApiKey): void {
    const nowMs = this.#clock.now()
    const entry = this.#byName.get(name)
    if (entry?.created_at_ms === createdAtMs) {
      entry.last_used_at_ms = nowMs
      entry.uses += 1
    } else {
      this.#byName.set(name, { client: name, created_at_ms: createdAtMs, last_used_at_ms: nowMs, uses: 1 })
    }
    this.#changed()
  }

  of({ name, createdAtMs }: ApiKey): KeyUse {
    const entry = this.#byName.get(name)
    return entry?.created_at_ms === createdAtMs
      ? { lastUsedAtMs: entry.last_used_at_ms, uses: entry.uses }
      : { lastUsedAtMs: null, uses: 0 }
  }

  forget(name: string): void {
    if (this.#byName.delete(name)) this.#changed()
  }

  /** Writes the changes that are not written yet. */
  async close(): Promise<void> {
    this.#cancelWrite?.()
    await this.#written
    await this.#write()
  }

  #changed(): void {
    this.#isDirty = true
    this.#cancelWrite ??= this.#clock.after(WRITE_EVERY_MS, () => {
      this.#cancelWrite = undefined
      this.#written = this.#write()
    })
  }

  async #write(): Promise<void> {
    if (!this.#isDirty) return
    this.#isDirty = false
    const file: z.infer<typeof UsesFile> = { version: 1, uses: [...this.#byName.values()] }
    try {
      await writeDurably(this.#path, `${JSON.stringify(file, null, 2)}\n`)
    } catch (error) {
      this.#isDirty = true // the next use tries again
      this.#log({ event: 'client_uses.unwritten', code: asCatchdError(error).code })
    }
  }

  async #read(): Promise<void> {
    try {
      const text = await readPrivateFile(this.#path)
      if (text === undefined) return
      for (const entry of UsesFile.parse(JSON.parse(text)).uses) this.#byName.set(entry.client, entry)
    } catch (error) {
      this.#log({ event: 'client_uses.unreadable', code: asCatchdError(error).code })
    }
  }
}
