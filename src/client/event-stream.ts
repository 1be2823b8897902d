/**
 * The events of the daemon (`/v1/events`, server-sent events, WHATWG HTML §9.2) as an async iterable. It connects again
 * after the daemon is restarted.
 *
 * Events are not stored. The first event of each connection is `connected`. A program that must not miss a change reads
 * the state then.
 */
import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { CatchdError } from '../failures.js'

export interface DaemonEvent {
  /** `login.succeeded`, `token.refreshed`, `configuration.changed`, …; `connected` is added by the library. */
  readonly event: string
  /** RFC 3339, UTC */
  readonly at: string
  readonly profile?: string
  readonly login_id?: string
  /** The failure, if something failed. */
  readonly code?: string
  /** The name of an API key. */
  readonly client?: string
}

/** The daemon sends browsers the same time (`retry:`). */
const RECONNECT_MS = 2_000
/** The daemon sends something every 15 s, so a connection without data for so long is broken. */
const LONGEST_SILENCE_MS = 45_000
/** In characters. Events contain only names and codes. */
const LONGEST_EVENT = 64 * 1024

/**
 * @param open - Connects. Called again each time the connection is lost.
 * @param signal - Ends the iteration without an error.
 * @throws CatchdError if the first connection fails, or a later one is refused
 */
export async function* daemonEvents(
  open: (isFirst: boolean) => Promise<IncomingMessage>,
  signal: AbortSignal | undefined,
  reconnectMs: number = RECONNECT_MS,
): AsyncGenerator<DaemonEvent, void, undefined> {
  let isFirst = true
  while (signal?.aborted !== true) {
    try {
      const stream = await open(isFirst)
      isFirst = false
      try {
        yield { event: 'connected', at: new Date().toISOString() }
        yield* eventsOf(stream)
      } finally {
        stream.destroy() // the caller may have stopped reading
      }
    } catch (error) {
      if (signal?.aborted) return
      const isRefused = error instanceof CatchdError && error.code !== 'daemon_unreachable'
      if (isFirst || isRefused) throw error
    }
    await delay(reconnectMs, undefined, signal === undefined ? {} : { signal }).catch(() => {})
  }
}

async function* eventsOf(stream: IncomingMessage): AsyncGenerator<DaemonEvent, void, undefined> {
  stream.setTimeout(LONGEST_SILENCE_MS, () => stream.destroy(new Error('silent')))
  let rest = ''
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const blocks = `${rest}${chunk}`.split('\n\n')
    rest = blocks.pop() ?? ''
    if (rest.length > LONGEST_EVENT) throw new Error('an event without end')
    for (const block of blocks) {
      const event = parse(block)
      if (event !== undefined) yield event
    }
  }
}

/** @returns `undefined` for a comment, for `retry:`, and for anything that is not an event of the daemon. */
function parse(block: string): DaemonEvent | undefined {
  const data = block.split('\n').find((line) => line.startsWith('data: '))
  if (data === undefined) return undefined
  try {
    const value: unknown = JSON.parse(data.slice('data: '.length))
    const isEvent = typeof value === 'object' && value !== null && 'event' in value
    return isEvent ? (value as DaemonEvent) : undefined
  } catch {
    return undefined
  }
}
