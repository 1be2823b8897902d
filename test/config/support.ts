import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { CatchdError } from '../../src/failures.js'

/** The failure that a call must end in. */
export function failureOf(call: () => unknown): CatchdError {
  try {
    call()
  } catch (error) {
    if (error instanceof CatchdError) return error
    throw error
  }
  throw new Error('Expected a CatchdError, and nothing was thrown.')
}

/** The failure that a promise must be rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<CatchdError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof CatchdError) return error
    throw error
  }
  throw new Error('Expected a CatchdError, and the promise was resolved.')
}

/** A folder of the running test's own, gone afterwards. */
export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'catchd-config-')))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Resolves once `condition` holds; fails after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('It did not happen within a minute.')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
