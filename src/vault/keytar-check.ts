/**
 * Whether keytar can be loaded here, without asking a keychain anything: for `catchd doctor`.
 */
import { spawn } from 'node:child_process'
import * as z from 'zod'
import { type ChildEntry, defaultChildEntry } from './keytar-engine.js'

const LOADS_WITHIN_MS = 10_000
const Hello = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ ready: z.literal(false), failure: z.string() }),
])

/** @returns Why it cannot be loaded, in the system's words, or `undefined` when it can. Never throws. */
export function keytarTrouble(entry: ChildEntry = defaultChildEntry()): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...entry.execArgv, entry.file], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      windowsHide: true,
    })
    const end = (trouble: string | undefined) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      resolve(trouble)
    }
    const timer = setTimeout(() => end('its process did not start in time'), LOADS_WITHIN_MS)
    child.once('error', (error) => end(error.message))
    child.once('exit', () => end('its process ended'))
    child.once('message', (message) => {
      const { data: hello } = Hello.safeParse(message)
      end(hello === undefined || !hello.ready ? (hello?.failure ?? 'its process talks nonsense') : undefined)
    })
  })
}
