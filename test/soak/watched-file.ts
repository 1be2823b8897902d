/** Seeing from outside when a file was replaced: the moment at which what it holds has been stored. */
import { watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const GIVE_UP_MS = 60_000

/**
 * The next replacement of the file.
 *
 * @returns `performance.now()` when it was seen; rejects after a minute without one.
 */
export function nextReplacement(file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const watcher = watch(dirname(file), (event, name) => {
      if (event !== 'rename' || name !== basename(file)) return
      end()
      resolve(performance.now())
    })
    const timer = setTimeout(() => {
      end()
      reject(new Error(`${basename(file)} was not replaced within ${GIVE_UP_MS} ms.`))
    }, GIVE_UP_MS)
    const end = () => {
      clearTimeout(timer)
      watcher.close()
    }
  })
}

/**
 * The first replacement after a moment: one that comes late from what was done before is passed over, and one that comes
 * before this process sees the moment is not missed.
 *
 * @param moment - `performance.now()` of it.
 */
export async function replacementAfter(file: string, moment: Promise<number>): Promise<number> {
  const seen: number[] = []
  let wake = () => {}
  const watcher = watch(dirname(file), (event, name) => {
    if (event !== 'rename' || name !== basename(file)) return
    seen.push(performance.now())
    wake()
  })
  try {
    const sinceMs = await moment
    const giveUpAtMs = performance.now() + GIVE_UP_MS
    for (;;) {
      const found = seen.find((atMs) => atMs >= sinceMs)
      if (found !== undefined) return found
      const leftMs = giveUpAtMs - performance.now()
      if (leftMs <= 0) throw new Error(`${basename(file)} was not replaced within ${GIVE_UP_MS} ms.`)
      await Promise.race([
        new Promise<void>((resolve) => {
          wake = resolve
        }),
        delay(leftMs),
      ])
    }
  } finally {
    watcher.close()
  }
}

/**
 * Resolves when the file was left alone for a while: writes that come after an answer are over then, also on a machine
 * that is busy with other tests.
 */
export async function untilQuiet(file: string, forMs = 200): Promise<void> {
  let before = await identity(file)
  for (;;) {
    await delay(forMs)
    const now = await identity(file)
    if (now === before) return
    before = now
  }
}

async function identity(file: string): Promise<string> {
  return stat(file, { bigint: true }).then(
    ({ ino, mtimeNs }) => `${ino} ${mtimeNs}`,
    () => 'none',
  )
}
