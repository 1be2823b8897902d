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
import type { DaemonSection } from './daemon-section.js'
import { type Place, removeMember, setMember } from './edit.js'
import { checkEntry, checkMember, parseConfiguration } from './file.js'
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
import { writeUnlessChanged } from './write.js'

export interface ConfigurationSettings {
  /** Absolute path of `config.jsonc`. */
  readonly file: string
  /** Port of the default redirect URI. */
  readonly redirectPort: number
  /** Until a valid file is read. */
  readonly daemonSection?: DaemonSection
  readonly clock?: Clock
}

export interface ConfigurationStatus {
  readonly path: string
  /** false: the file on the disk is invalid, and the last valid configuration is in use. */
  readonly ok: boolean
  readonly error: string | null
}

/** Names of profiles. */
export interface ProfileChanges {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

export type ConfigurationChange = ConfigurationStatus & ProfileChanges

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

  private constructor({
    file,
    redirectPort,
    daemonSection = {},
    clock = systemClock,
  }: ConfigurationSettings) {
    this.#file = file
    this.#context = { redirectPort, configFolder: dirname(file) }
    this.#inUse = { ...interpret(parseConfiguration('', file), this.#context), daemon: daemonSection }
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

  /** The settings of the daemon that the file has. settings.ts decides which count. */
  daemonSection(): DaemonSection {
    return this.#inUse.daemon
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
        const before = await this.#change((text) => setMember(text, ['profiles', name], checked), check)
        return { created: !before.has(name) }
      } catch (error) {
        throw this.#unsaved(name, entry, asCatchdError(error))
      }
    })
  }

  /** An invalid entry is not in the file, so the editor does not help. */
  #unsaved(name: string, { preset = '' }: ProfileEntry, failure: CatchdError): CatchdError {
    const isForEditor = failure.profile === name && failure.next.startsWith('catchd profile edit')
    // The editor may make every change, the dashboard may not.
    if (!isForEditor || failure.code === 'forbidden') return failure
    return failure.saying({ next: adding(preset) })
  }

  /** @throws CatchdError `profile_unknown`, `config_invalid` (another profile extends it) */
  remove(name: string): Promise<void> {
    return this.#queue(async () => {
      await this.#change((text) => {
        if (!this.#inUse.written.has(name)) throw this.#unknown(name)
        return removeMember(text, ['profiles', name])
      })
    })
  }

  /**
   * Sets a key of another section than `profiles`. Comments stay.
   *
   * @param value - `null` removes the key.
   * @throws CatchdError `config_invalid`; the file is then as it was
   */
  set([section, name]: Place, value: unknown): Promise<void> {
    return this.#queue(async () => {
      if (value !== null) checkMember(section, name, value)
      await this.#change((text) =>
        value === null ? removeMember(text, [section, name]) : setMember(text, [section, name], value),
      )
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
    if (isNews) this.#tell(NO_CHANGES)
  }

  #adopt(next: Interpretation): void {
    const changes = differences(this.#inUse, next)
    const isOther = Object.values(changes).some((names) => names.length > 0)
    const { notices, lock, daemon } = this.#inUse
    const isNews =
      this.#error !== undefined ||
      !isDeepStrictEqual([next.notices, next.lock, next.daemon], [notices, lock, daemon])
    this.#inUse = next
    this.#error = undefined
    if (isNews || isOther) this.#tell(changes)
  }

  #tell(changes: ProfileChanges): void {
    for (const listener of this.#listeners) listener({ ...this.status(), ...changes })
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
      if (text !== written && !(await this.#write(text, written))) continue
      this.#take(await this.#read())
      return before
    }
    throw new CatchdError(
      'config_invalid',
      `${this.#file} is changed by another program again and again. Nothing was written.`,
    )
  }

  /** @returns `false` if somebody changed the file in the meantime; nothing is written then. */
  async #write(text: string, written: string): Promise<boolean> {
    const folder = dirname(this.#file)
    await ensureFolder(folder)
    const isCurrent = async () => (await this.#read()) === written
    if (!(await writeUnlessChanged(this.#file, text, isCurrent))) return false
    await publishSchema(folder)
    return true
  }

  #unknown(name: string): CatchdError {
    const { profiles } = this.#inUse
    const isName = ProfileName.safeParse(name).success
    const meant = suggestion(name, profiles.keys())
    // What is no name, and is not similar to one, may be a secret in the wrong place.
    if (!isName && meant === '') return new CatchdError('profile_unknown')
    return new CatchdError('profile_unknown', {
      detail: `There is no profile "${name}".${meant}`,
      ...(isName ? { profile: name } : {}),
      ...(profiles.size === 0 ? { next: 'catchd init' } : {}),
    })
  }
}

const NO_CHANGES: ProfileChanges = { added: [], changed: [], removed: [] }

/** The command that shows how to add a profile. */
function adding(preset: string): string {
  return findPreset(preset) === undefined ? 'catchd profile add --help' : `catchd presets ${preset}`
}

function differences(before: Interpretation, after: Interpretation): ProfileChanges {
  const names = [...after.profiles.keys()]
  const isOther = (name: string) =>
    JSON.stringify(before.profiles.get(name)) !== JSON.stringify(after.profiles.get(name))
  return {
    added: names.filter((name) => !before.profiles.has(name)),
    changed: names.filter((name) => before.profiles.has(name) && isOther(name)),
    removed: [...before.profiles.keys()].filter((name) => !after.profiles.has(name)),
  }
}
