/**
 * The configuration in use: the last valid one.
 *
 * Owns the file: reads it at the start and when it changes, and writes it for the API. A change is used as a whole or
 * not at all. file.ts and interpret.ts interpret the text, edit.ts changes it.
 */
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Clock, systemClock } from '../clock.js'
import { asCatchdError, CatchdError } from '../failures.js'
import { removeProfile, setProfile } from './edit.js'
import { checkEntry, parseConfiguration } from './file.js'
import { FileWatch } from './file-watch.js'
import { ensureFolder } from './folders.js'
import { type Interpretation, interpret } from './interpret.js'
import { publishSchema } from './json-schema.js'
import type { Lock } from './lock.js'
import type { NoticeSettings } from './notices.js'
import { findPreset } from './presets.js'
import { type Profile, type ProfileEntry, ProfileName } from './profile.js'
import type { ResolveContext } from './resolve.js'
import { readSnapshot } from './snapshot.js'
import { suggestion } from './suggestion.js'
import { writeDurably } from './write.js'

export interface ConfigurationSettings {
  /** Absolute path of `config.jsonc`. */
  readonly file: string
  /** Port of the default redirect URI. */
  readonly redirectPort: number
  readonly clock?: Clock
}

export interface ConfigurationStatus {
  readonly path: string
  /** false: the file on the disk is invalid, and the last valid configuration is in use. */
  readonly ok: boolean
  readonly error: string | null
}

export interface ConfigurationChange extends ConfigurationStatus {
  /** Names of profiles that were added, removed or changed. */
  readonly profiles: ReadonlySet<string>
}

/** Called after the change is in use; must not throw. */
export type ConfigurationListener = (change: ConfigurationChange) => void

/** All profiles, as they are resolved and as they are written. */
export type ConfiguredProfiles = Pick<Interpretation, 'profiles' | 'written'>

export type EditCheck = (before: ConfiguredProfiles, after: ConfiguredProfiles) => void

/** Some editors empty or remove the file before they write it. During this time, the profiles stay in use. */
const SETTLE_MS = 300

/** The user may save the file at the same moment. */
const WRITE_ATTEMPTS = 5

export class ConfigurationStore {
  readonly #file: string
  readonly #context: ResolveContext
  readonly #clock: Clock
  readonly #watch: FileWatch
  readonly #listeners = new Set<ConfigurationListener>()
  #inUse: Interpretation
  /** The file as it was last read, valid or invalid; `undefined` if it cannot be read. */
  #text: string | undefined
  #error: CatchdError | undefined
  #tail: Promise<unknown> = Promise.resolve()

  private constructor({ file, redirectPort, clock = systemClock }: ConfigurationSettings) {
    this.#file = file
    this.#context = { redirectPort, configFolder: dirname(file) }
    this.#inUse = interpret(parseConfiguration('', file), this.#context)
    this.#clock = clock
    this.#watch = new FileWatch(file, clock, () => void this.#queue(() => this.#follow()))
  }

  /** Reads the file and follows its changes. An invalid file is not a failure: see {@link status}. */
  static async open(settings: ConfigurationSettings): Promise<ConfigurationStore> {
    const store = new ConfigurationStore(settings)
    await store.#watch.start()
    await store.load()
    return store
  }

  /** Reads the file now. Never throws; {@link status} shows whether the file is invalid. */
  load(): Promise<void> {
    return this.#queue(async () => this.#take(await this.#read()))
  }

  /** Profiles ready for use. */
  profiles(): ReadonlyMap<string, Profile> {
    return this.#inUse.profiles
  }

  /** The same profiles as they are written; entries that only others extend are left out. */
  entries(): ReadonlyMap<string, ProfileEntry> {
    return this.#inUse.entries
  }

  /**
   * @throws CatchdError `profile_unknown` with a suggestion; `config_invalid` when the file on the disk is bad, where
   *   the profile may stand; `profile_invalid` for an unfinished entry that others extend.
   */
  profile(name: string): Profile {
    const profile = this.#inUse.profiles.get(name)
    if (profile !== undefined) return profile
    const unfinished = this.#inUse.unfinished.get(name)
    if (unfinished !== undefined) throw unfinished
    if (this.#error !== undefined) {
      const { detail, next } = this.#error
      throw new CatchdError('config_invalid', { ...(detail === undefined ? {} : { detail }), next })
    }
    throw this.#unknown(name)
  }

  /** Whether the profile shares its redirect URI with one of another authorization server (RFC 9207). */
  issRequired(name: string): boolean {
    return this.#inUse.issRequired.has(name)
  }

  status(): ConfigurationStatus {
    const error = this.#error
    return { path: this.#file, ok: error === undefined, error: error === undefined ? null : error.message }
  }

  /** How catchd tells the user that a login is needed. */
  notices(): NoticeSettings {
    return this.#inUse.notices
  }

  /** When catchd locks itself. */
  lockSettings(): Lock {
    return this.#inUse.lock
  }

  /** Warnings about settings that are allowed but risky, each with its place in the file. */
  warnings(): readonly string[] {
    return this.#inUse.warnings
  }

  /**
   * Adds or replaces a profile, in the file too; comments stay. Nothing is written unless the whole result is valid.
   *
   * @param check - May refuse the change, by what it makes of all profiles. What it throws is thrown.
   * @throws CatchdError `config_invalid`, `profile_invalid`
   */
  put(name: string, entry: ProfileEntry, check?: EditCheck): Promise<{ readonly created: boolean }> {
    return this.#queue(async () => {
      try {
        const checked = checkEntry(name, entry)
        const before = await this.#change((text) => setProfile(text, name, checked), check)
        return { created: !before.has(name) }
      } catch (error) {
        throw this.#unsaved(name, entry, asCatchdError(error))
      }
    })
  }

  /** A refused entry is not in the file, so the editor does not help. */
  #unsaved(name: string, { preset = '' }: ProfileEntry, failure: CatchdError): CatchdError {
    if (failure.profile !== name || !failure.next.startsWith('catchd profile edit')) return failure
    // The editor can still help the dashboard, which may not make every change.
    const next = failure.code === 'forbidden' ? 'catchd profile edit' : adding(preset)
    return this.#inUse.written.has(name) && failure.code === 'forbidden' ? failure : failure.saying({ next })
  }

  /** @throws CatchdError `profile_unknown`, `config_invalid` (another profile extends it) */
  remove(name: string): Promise<void> {
    return this.#queue(async () => {
      await this.#change((text) => {
        if (!this.#inUse.written.has(name)) throw this.#unknown(name)
        return removeProfile(text, name)
      })
    })
  }

  /** @returns Call it to unsubscribe. */
  onChange(listener: ConfigurationListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#watch.close()
    this.#listeners.clear()
  }

  /** One reading or writing at a time. */
  #queue<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => undefined)
    return result
  }

  async #follow(): Promise<void> {
    let text = await this.#read()
    if (text === '' && this.#inUse.written.size > 0) {
      await new Promise<void>((resolve) => this.#clock.after(SETTLE_MS, resolve))
      text = await this.#read()
    }
    this.#take(text)
  }

  async #read(): Promise<string | CatchdError> {
    return readSnapshot(this.#file).catch(asCatchdError)
  }

  #take(text: string | CatchdError): void {
    if (text instanceof CatchdError) {
      this.#text = undefined
      this.#keep(text)
      return
    }
    const isSame = text === this.#text
    this.#text = text
    if (isSame) return
    try {
      this.#adopt(interpret(parseConfiguration(text, this.#file), this.#context))
    } catch (error) {
      this.#keep(asCatchdError(error))
    }
  }

  /** The configuration in use stays, and the status says why. */
  #keep(error: CatchdError): void {
    const isNews = error.message !== this.#error?.message
    this.#error = error
    if (isNews) this.#tell(new Set())
  }

  #adopt(next: Interpretation): void {
    const changed = differences(this.#inUse, next)
    const { notices, lock } = this.#inUse
    const isNews = this.#error !== undefined || !isDeepStrictEqual([next.notices, next.lock], [notices, lock])
    this.#inUse = next
    this.#error = undefined
    if (isNews || changed.size > 0) this.#tell(changed)
  }

  #tell(profiles: ReadonlySet<string>): void {
    for (const listener of this.#listeners) listener({ ...this.status(), profiles })
  }

  /** @returns The entries before the change. */
  async #change(
    edit: (text: string) => string,
    check: EditCheck = () => {},
  ): Promise<ReadonlyMap<string, ProfileEntry>> {
    for (let attempt = 0; attempt < WRITE_ATTEMPTS; attempt += 1) {
      const written = await this.#read()
      this.#take(written)
      if (this.#error !== undefined || written instanceof CatchdError) {
        throw new CatchdError('config_invalid', {
          detail: `The configuration file has a mistake. Correct it first: ${this.status().error}`,
          next: this.#error?.next,
        })
      }
      const before = this.#inUse.written
      const text = edit(written)
      check(this.#inUse, interpret(parseConfiguration(text, this.#file), this.#context, false))
      if ((await this.#read()) !== written) continue
      if (text !== written) await this.#write(text)
      this.#take(await this.#read())
      return before
    }
    throw new CatchdError(
      'config_invalid',
      `${this.#file} is changed by another program again and again. Nothing was written.`,
    )
  }

  async #write(text: string): Promise<void> {
    const folder = dirname(this.#file)
    await ensureFolder(folder)
    await writeDurably(this.#file, text)
    await publishSchema(folder)
  }

  #unknown(name: string): CatchdError {
    if (!ProfileName.safeParse(name).success) return new CatchdError('profile_unknown')
    const { profiles } = this.#inUse
    return new CatchdError('profile_unknown', {
      detail: `There is no profile "${name}".${suggestion(name, profiles.keys())}`,
      profile: name,
      ...(profiles.size === 0 ? { next: 'catchd init' } : {}),
    })
  }
}

/** The command that shows how to add a profile. */
function adding(preset: string): string {
  return findPreset(preset) === undefined ? 'catchd profile add --help' : `catchd presets ${preset}`
}

function differences(before: Interpretation, after: Interpretation): Set<string> {
  const changed = new Set<string>()
  for (const [name, profile] of after.profiles) {
    const old = before.profiles.get(name)
    if (old === undefined || JSON.stringify(old) !== JSON.stringify(profile)) changed.add(name)
  }
  for (const name of before.profiles.keys()) if (!after.profiles.has(name)) changed.add(name)
  return changed
}
