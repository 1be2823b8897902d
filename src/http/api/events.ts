/**
 * `/v1/events`: what happens, as it happens, as server-sent events (WHATWG HTML §9.2). A key hears of its profiles
 * alone, for as long as it opens anything. Nothing is kept for later: whoever connects again asks for the state.
 */
import type { FastifyReply } from 'fastify'
import { type Clock, toInstant } from '../../clock.js'
import { CatchdError } from '../../failures.js'
import { principalOf } from '../access/permission.js'
import { limitOf, type Principal } from '../access/principal.js'
import { ANSWER_HEADERS } from '../http-listener.js'
import type { ApiScope, RouteParts } from './scope.js'
import type { DaemonEvent } from './services.js'

/** A dashboard and a few tools; more is a mistake. */
const MOST_STREAMS = 100
/** A reader that is further behind is let go. */
const MOST_UNREAD_BYTES = 256 * 1024
/** Keeps what lies between from closing a silent connection, and finds readers that are gone. */
const HEARTBEAT_MS = 15_000

export function eventRoutes(app: ApiScope, { services, keys, clock }: RouteParts): void {
  const streams = new Set<FastifyReply['raw']>()
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.end()
  })
  app.route({
    method: 'GET',
    url: '/v1/events',
    config: { needs: 'any' },
    schema: {
      operationId: 'streamEvents',
      summary:
        'Logins, token sets, API keys and the configuration, as server-sent events: `event`, and JSON with `event`, `at` and what it is about (`profile`, `login_id`, `code`, `client`)',
      produces: ['text/event-stream'],
    },
    handler: async (request, reply) => {
      if (streams.size >= MOST_STREAMS) {
        throw new CatchdError('too_many_logins', `${MOST_STREAMS} streams of events are open already.`)
      }
      const principal = principalOf(request)
      const ended = principal.session?.ended
      reply.hijack()
      const stream = reply.raw
      stream.writeHead(200, { ...ANSWER_HEADERS, 'content-type': 'text/event-stream', connection: 'close' })
      stream.write('retry: 2000\n\n')
      streams.add(stream)
      const tell = (text: string) => {
        if (keys.isStillGood(principal)) send(stream, text)
        else stream.end()
      }
      const unsubscribe = services.subscribe((event) => {
        if (isVisible(event, principal)) tell(textOf(event, clock.now()))
      })
      const stopBeating = beat(tell, clock)
      const end = () => stream.end()
      ended?.addEventListener('abort', end)
      stream.once('close', () => {
        ended?.removeEventListener('abort', end)
        streams.delete(stream)
        unsubscribe()
        stopBeating()
      })
    },
  })
}

/** What is about no profile is for who may know all of them, and so is what other keys do. */
function isVisible({ profile, client }: DaemonEvent, principal: Principal): boolean {
  const limit = limitOf(principal)
  if (limit === undefined) return true
  return profile !== undefined && limit.has(profile) && (client === undefined || client === principal.name)
}

/** JSON has no line ends, so one `data` line holds it. */
function textOf(event: DaemonEvent, nowMs: number): string {
  return `event: ${event.event}\ndata: ${JSON.stringify({ ...event, at: toInstant(nowMs) })}\n\n`
}

function send(stream: FastifyReply['raw'], text: string): void {
  if (stream.writableLength > MOST_UNREAD_BYTES) stream.destroy()
  else stream.write(text)
}

function beat(tell: (text: string) => void, clock: Clock): () => void {
  let cancel = () => {}
  const next = () => {
    cancel = clock.after(HEARTBEAT_MS, () => {
      tell(':\n\n')
      next()
    })
  }
  next()
  return () => cancel()
}
