/** The redirect listener on a free port of 127.0.0.1, with one pending login. */
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../src/clock.js'
import { HttpListener } from '../../../src/http/http-listener.js'
import { LoopbackRedirectListeners } from '../../../src/http/redirect/listeners.js'
import { buildRedirectApp, type RedirectEvent } from '../../../src/http/redirect/redirect-app.js'
import { FakeLogins } from './fake-logins.js'
import { ask, type RawAnswer, type RawRequest, rawRequest } from './raw-http.js'

export const STATE = 'state-canary-4f1d2b7c9a6e4f1d'
export const CODE = 'code-canary-91be55aa7f'
export const GENUINE = `code=${CODE}&state=${STATE}`

export interface OpenedListener {
  readonly logins: FakeLogins
  readonly listeners: LoopbackRedirectListeners
  readonly events: RedirectEvent[]
  readonly port: number
  readonly authority: string
  readonly redirectUri: string
  send(request: Omit<RawRequest, 'host'> & { readonly host?: string | null }): Promise<RawAnswer>
}

/** @param login - What the pending login differs in. */
export async function openListener(
  login: Parameters<FakeLogins['begin']>[0] | object = {},
  { mostConnections = 1_000 } = {},
): Promise<OpenedListener> {
  const logins = new FakeLogins()
  const events: RedirectEvent[] = []
  const clock = { now: () => logins.nowMs, after: systemClock.after }
  const app = await buildRedirectApp({ answers: logins, clock, log: (event) => events.push(event) })
  const listener = new HttpListener(app.routing, {
    maxHeaderBytes: 8 * 1024,
    mostConnections,
    keepAliveMs: 2_000,
  })
  const listeners = new LoopbackRedirectListeners({ listener })
  const { redirectUri } = await listeners.acquire('http://127.0.0.1:0/callback/gw', null)
  const { host: authority, port } = new URL(redirectUri)
  logins.begin({ id: 'login-1', state: STATE, redirectUri, ...login })
  onTestFinished(async () => {
    await listeners.close(0)
    await app.close()
  })
  return {
    logins,
    listeners,
    events,
    port: Number(port),
    authority,
    redirectUri,
    send: (request) => ask(Number(port), rawRequest({ host: authority, ...request })),
  }
}
