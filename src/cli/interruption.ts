/**
 * Ctrl-C and its relatives as an AbortSignal: calls end, a login is cancelled, and the exit code says why.
 * A second one ends the program at once.
 */
import { constants } from 'node:os'

/** What the signal is aborted with. */
export class Interrupted extends Error {
  /** 130 for SIGINT, as shells have it: 128 and the signal's number. */
  readonly exitCode: number

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}.`)
    this.exitCode = 128 + constants.signals[signal]
  }
}

let controller: AbortController | undefined

/** Installs the handlers at the first call: commands that handle signals themselves never ask. */
export function interruption(): AbortSignal {
  if (controller !== undefined) return controller.signal
  const installed = new AbortController()
  controller = installed
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => installed.abort(new Interrupted(signal)))
  }
  return installed.signal
}
