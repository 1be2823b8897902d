/**
 * Detects that a file may have changed.
 *
 * Watches folders, not the file, because editors save by renaming: the folder of the file, and that of the target of a
 * symbolic link. If watching is impossible (no folder yet, no inotify watches left, a network file system), the file
 * is checked once a second. If it is possible, the file is still checked every half minute, because a watch can miss a
 * change.
 */
import { type FSWatcher, statSync, watch as watchFolder } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Clock } from '../clock.js'
import { targetOf } from './write.js'

const LOOK_MS = 1000
const LOOK_BESIDE_WATCH_MS = 30_000
/** Editors save in several steps. One check is enough for all of them. */
const DEBOUNCE_MS = 50

export type WatchFolder = typeof watchFolder

interface Watched {
  readonly watcher: FSWatcher
  readonly folder: string
  /** If a folder was removed and made again, the old watch reports nothing any more. */
  readonly identity: string
}

export class FileWatch {
  readonly #file: string
  readonly #clock: Clock
  readonly #look: () => void
  readonly #watchFolder: WatchFolder
  #watched: Watched[] = []
  #cancelDebounce: (() => void) | undefined
  #cancelTimer: (() => void) | undefined
  #closed = false

  /** @param look - Called when the file may have changed. It may also be unchanged. */
  constructor(file: string, clock: Clock, look: () => void, watch: WatchFolder = watchFolder) {
    this.#file = file
    this.#clock = clock
    this.#look = look
    this.#watchFolder = watch
  }

  /** Resolves when changes from now on are noticed. */
  async start(): Promise<void> {
    await this.#arm()
    this.#schedule()
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
    this.#cancelDebounce?.()
    this.#disarm()
  }

  #schedule(): void {
    if (this.#closed) return
    this.#cancelTimer?.()
    const delay = this.#watched.length === 0 ? LOOK_MS : LOOK_BESIDE_WATCH_MS
    this.#cancelTimer = this.#clock.after(delay, () => this.#lookAndRearm())
  }

  async #rearm(): Promise<void> {
    const armed = this.#watched.length > 0
    if (!armed || this.#watched.some(({ folder, identity }) => identityOf(folder) !== identity)) {
      await this.#arm()
      // The file may have been written before the new watch began.
      if (this.#watched.length > 0) this.#look()
    }
    this.#schedule()
  }

  async #arm(): Promise<void> {
    this.#disarm()
    const target = await targetOf(this.#file).catch(() => this.#file)
    if (this.#closed) return
    const names = new Map<string, Set<string>>()
    for (const path of [this.#file, target]) {
      const folder = dirname(path)
      names.set(folder, (names.get(folder) ?? new Set([basename(folder)])).add(basename(path)))
    }
    try {
      for (const [folder, interesting] of names) this.#watched.push(this.#watch(folder, interesting))
    } catch {
      this.#disarm()
    }
  }

  #watch(folder: string, interesting: ReadonlySet<string>): Watched {
    const identity = identityOf(folder)
    const watcher = this.#watchFolder(folder, { persistent: false }, (_event, name) => {
      if (name === null || interesting.has(name)) this.#suspect()
    })
    watcher.on('error', () => {
      this.#disarm()
      this.#schedule()
    })
    return { watcher, folder, identity }
  }

  #suspect(): void {
    this.#cancelDebounce?.()
    this.#cancelDebounce = this.#clock.after(DEBOUNCE_MS, () => this.#lookAndRearm())
  }

  #lookAndRearm(): void {
    this.#look()
    void this.#rearm()
  }

  #disarm(): void {
    for (const { watcher } of this.#watched) watcher.close()
    this.#watched = []
  }
}

function identityOf(folder: string): string {
  try {
    const { dev, ino } = statSync(folder, { bigint: true })
    return `${dev} ${ino}`
  } catch {
    return 'missing'
  }
}
