/**
 * The clock that deadlines run on, standing still unless a test moves it: what fails then was no deadline, and "within
 * two seconds" holds however busy this machine is. Child processes, sockets and files go on in real time.
 */
import { promisify } from 'node:util'
import { expect, vi } from 'vitest'

/** How long a vault call may take when the keychain is in trouble. */
const PROMISED_MS = 2_000
const STEP_MS = 50
const turnOfTheLoop = promisify(setImmediate)

export function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
}

export function startTheClock(): void {
  vi.useRealTimers()
}

/** Moves the clock on until the call has ended, by two seconds at most. */
export async function withinTwoSeconds<T>(call: Promise<T>): Promise<T> {
  let ended = false
  const end = () => {
    ended = true
  }
  call.then(end, end)
  for (let passedMs = 0; passedMs < PROMISED_MS && !ended; passedMs += STEP_MS) {
    await vi.advanceTimersByTimeAsync(STEP_MS)
    await turnOfTheLoop()
  }
  expect(ended, 'it ended within two seconds').toBe(true)
  return call
}
