/** The redirect listener and the logins as the daemon has them, on real sockets; authorization servers and vault are fakes. */
import { onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../../../src/clock.js'
import type { Profile } from '../../../src/config/profile.js'
import { HttpListener, type RequestHandler } from '../../../src/http/http-listener.js'
import { LoopbackRedirectListeners, type MissedEvent } from '../../../src/http/redirect/listeners.js'
import { unreadPage } from '../../../src/http/redirect/pages/long-headers-page.js'
import { buildRedirectApp, type RedirectEvent } from '../../../src/http/redirect/redirect-app.js'
import type { StoredSummary } from '../../../src/login/login.js'
import { Secret } from '../../../src/secret.js'
import { testProfile } from '../../support/fake-authorization-servers.js'
import { startLoginsAt } from '../../support/logins.js'
import { ask, type RawRequest, rawRequest } from './raw-http.js'

export const STATE = 'state-canary-4f1d2b7c9a6e4f1d'
export const CODE = 'code-canary-91be55aa7f'
export const GENUINE = `code=${CODE}&state=${STATE}`

export const NOW_MS = Date.UTC(2026, 10, 23, 14, 3)

/** For pages. */
export const STORED: StoredSummary = {
  storedIn: 'the login keychain (service catchd)',
  scope: 'openid email',
  accessTokenExpiresAtMs: NOW_MS + 3_600_000,
  hasRefreshToken: true,
  subject: 'ada',
}

/** @param options.clock - Of the listeners alone. */
export async function openRedirects({
  clock = systemClock,
  mostConnections = 1_000,
}: {
  readonly clock?: Clock
  readonly mostConnections?: number
} = {}) {
  const events: RedirectEvent[] = []
  const limits = { maxHeaderBytes: 64 * 1024, mostConnections, keepAliveMs: 2_000 }
  const handler: RequestHandler = (request, response) => app.routing(request, response)
  const listener = new HttpListener(handler, limits, unreadPage)
  const missed: MissedEvent[] = []
  const listeners = new LoopbackRedirectListeners({ listener, clock, log: (event) => missed.push(event) })
  const scene = startLoginsAt(listeners)
  const { logins } = scene
  const app = await buildRedirectApp({
    logins,
    clock: scene.clock,
    hasTokens: async (profile) => scene.kept.some((item) => item.startsWith(`${profile}:`)),
    log: (event) => events.push(event),
  })
  onTestFinished(async () => {
    await listeners.close(0)
    await app.close()
    logins.close()
  })
  /** A pending login of a tool whose request has this state; each state has a profile of its own. */
  const pend = (changes: Partial<Profile>, state = STATE) => {
    const profile = testProfile({ name: state === STATE ? 'gw' : state, ...changes })
    scene.profiles.set(profile.name, profile)
    const codeVerifier = new Secret('v'.repeat(43))
    return scene.begin({ profile: profile.name, state: new Secret(state), codeVerifier })
  }
  return {
    ...scene,
    /** Of the redirect listener. */
    answers: events,
    /** The other events in the log. */
    missed,
    pend,
    /** Token requests; each carried a code to the authorization server. */
    tokenRequests: () => scene.servers.redeemed.length,
    isPending: ({ id }: { readonly id: string }) => logins.find(id)?.status === 'pending',
  }
}

export type OpenedListener = Awaited<ReturnType<typeof openListener>>

interface DoorOptions {
  readonly mostConnections?: number
  readonly expectedIssuer?: string
  readonly issRequired?: boolean
}

/**
 * The redirect listener on a free port of 127.0.0.1, with one pending login.
 *
 * @param changes - What its profile differs in.
 */
export async function openListener(changes: Partial<Profile> = {}, options: DoorOptions = {}) {
  const redirects = await openRedirects(options)
  redirects.servers.expectedIssuer = options.expectedIssuer ?? null
  redirects.servers.issRequired = options.issRequired ?? false
  const free = await redirects.listeners.acquire('http://127.0.0.1:0/callback/gw', null)
  const login = await redirects.pend({ redirect_uri: free.redirectUri, ...changes })
  redirects.configure()
  const { host: authority, port } = new URL(login.redirectUri)
  return {
    ...redirects,
    port: Number(port),
    authority,
    redirectUri: login.redirectUri,
    login,
    resultPath: `/catchd/${login.id}`,
    isPending: () => redirects.isPending(login),
    send: (request: Omit<RawRequest, 'host'> & { readonly host?: string | null }) =>
      ask(Number(port), rawRequest({ host: authority, ...request })),
  }
}
