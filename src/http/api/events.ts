/**
 * `/v1/events`: events of the daemon as they happen, as server-sent events (WHATWG HTML §9.2). A key gets the events of
 * its profiles, as long as the key is valid. Earlier events are not kept: a client that connects again asks for the
 * state.
 */
import type { FastifyReply } from 'fastify'
import { Alarm, toInstant } from '../../clock.js'
import { Shares } from '../../shares.js'
import { principalOf } from '../access/permission.js'
import { holderOf, limitOf, type Principal } from '../access/principal.js'
import { ANSWER_HEADERS } from '../http-listener.js'
import type { ApiScope, RouteParts } from './scope.js'
import type { DaemonEvent } from './services.js'

/** Enough for a dashboard and a few tools. */
const MOST_STREAMS = 100
/** A reader that is further behind is disconnected. */
const MOST_UNREAD_BYTES = 256 * 1024
/** So that nothing between closes a silent connection, and readers that are gone are noticed. */
const HEARTBEAT_MS = 15_000

export function eventRoutes(app: ApiScope, { services, keys, clock }: RouteParts): void {
  const streams = new Set<FastifyReply['raw']>()
  const shares = new Shares(MOST_STREAMS)
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.end()
  })
  app.route({
    method: 'GET',
    url: '/v1/events',
    config: { needs: 'any', whileLocked: true },
    schema: {
      operationId: 'streamEvents',
      summary:
        'Events of logins, token sets, API keys and the configuration, as server-sent events: `event`, and JSON with `event`, `at` and the subject (`profile`, `login_id`, `code`, `client`)',
      produces: ['text/event-stream'],
    },
    handler: async (request, reply) => {
      const principal = principalOf(request)
      shares.require(holderOf(principal), 'streams of events are open')
      const giveBack = shares.take(holderOf(principal))
      const ended = principal.session?.ended
      reply.hijack()
      const stream = reply.raw
      stream.writeHead(200, { ...ANSWER_HEADERS, 'content-type': 'text/event-stream', connection: 'close' })
      stream.write('retry: 2000\n\n')
      streams.add(stream)
      const unsubscribe = services.subscribe((event) => {
        if (!keys.isStillGood(principal)) stream.end()
        else if (isVisible(event, principal)) send(stream, textOf(event, clock.now()))
      })
      const heartbeat = new Alarm(clock, HEARTBEAT_MS, (nowMs) => {
        if (keys.isStillGood(principal)) send(stream, ':\n\n')
        else stream.end()
        return nowMs + HEARTBEAT_MS
      })
      heartbeat.wakeBy(clock.now() + HEARTBEAT_MS)
      const end = () => stream.end()
      ended?.addEventListener('abort', end)
      stream.once('close', () => {
        ended?.removeEventListener('abort', end)
        streams.delete(stream)
        giveBack()
        unsubscribe()
        heartbeat.close()
      })
    },
  })
}

/** Only keys for all profiles get events without a profile, and events of other keys. */
function isVisible({ profile, client }: DaemonEvent, principal: Principal): boolean {
  const limit = limitOf(principal)
  if (limit === undefined) return true
  return profile !== undefined && limit.has(profile) && (client === undefined || client === principal.name)
}

/** JSON has no line ends, so one `data` line is enough. */
function textOf(event: DaemonEvent, nowMs: number): string {
  return `event: ${event.event}\ndata: ${JSON.stringify({ ...event, at: toInstant(nowMs) })}\n\n`
}

function send(stream: FastifyReply['raw'], text: string): void {
  if (stream.writableLength > MOST_UNREAD_BYTES) stream.destroy()
  else stream.write(text)
}
