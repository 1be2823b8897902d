/** Waiting for a login to be settled, for as long as a caller wants to. */
import type { Clock } from '../clock.js'

/** Resolves when the login is settled, the time is over or the caller gives up, whichever comes first. */
export async function waitForEnd(
  settled: Promise<unknown>,
  clock: Clock,
  waitMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (waitMs <= 0 || signal.aborted) return
  const waiting = new AbortController()
  const pause = new Promise<void>((resolve) => {
    const cancel = clock.after(waitMs, resolve)
    signal.addEventListener('abort', () => resolve(), { signal: waiting.signal })
    waiting.signal.addEventListener('abort', cancel)
  })
  await Promise.race([settled, pause])
  waiting.abort()
}
