/**
 * A home with many profiles, as somebody may have them: some logged in, some that need a person, one that waits, one whose
 * refresh fails. For the flows that look at the dashboard, and for pictures of it.
 */
import { approve } from '../../src/demo/approval.js'
import { type Gateway, startGateway } from '../../src/demo/gateway.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js'

/** Of the first twelve; the others are numbered. */
const NAMES = [
  ...[
    'calendar',
    'ci',
    'crm',
    'gw',
    'hub',
    'intranet',
    'legacy',
    'mail',
    'metrics',
    'orders',
    'staging',
    'wiki',
  ],
]
/** Logged in at the server. */
const LOGGED_IN = ['calendar', 'crm', 'hub', 'mail', 'orders', 'wiki']
const NEEDS_NO_PERSON = 'ci'
const WAITING = 'gw'
const FAILING = 'legacy'

export interface Crowd {
  readonly daemon: Daemon
  /** Writes a configuration with so many profiles, and brings them into their states. */
  populate(count: number): Promise<void>
  close(): Promise<void>
}

export async function startCrowd(): Promise<Crowd> {
  const redirectPort = await freePort()
  const redirectUris = NAMES.map((name) => `http://127.0.0.1:${redirectPort}/callback/${name}`)
  const [server, gateway] = await Promise.all([
    startOidcProvider({ redirectUris }),
    startGateway({ redirectUris, refreshTokens: true }),
  ])
  const daemon = await startDaemon({ redirectPort, config: { profiles: {} } })
  return {
    daemon,
    async populate(count) {
      await daemon.writeConfig({ profiles: entries(count, server, gateway) })
      await untilThere(daemon, count)
      await bringAbout(daemon, count, server, gateway)
    },
    async close() {
      await daemon.stop()
      await Promise.all([server.close(), gateway.close()])
    },
  }
}

function entries(count: number, server: OidcProvider, gateway: Gateway): Record<string, object> {
  const names = count === 1 ? ['calendar'] : Array.from({ length: count }, (_, index) => nameOf(index))
  return Object.fromEntries(names.map((name) => [name, entryOf(name, server, gateway)]))
}

function nameOf(index: number): string {
  return NAMES[index] ?? `team-${index}`
}

function entryOf(name: string, { issuer, clientId }: OidcProvider, gateway: Gateway): object {
  const secret = { client_id: gateway.clientId, client_secret: gateway.clientSecret }
  if (name === FAILING || name === WAITING)
    return { preset: 'webmethods', base_url: gateway.baseUrl, ...secret, scope: 'email' }
  if (name === NEEDS_NO_PERSON)
    return {
      grant: 'client_credentials',
      token_endpoint: 'https://ci.example.com/token',
      client_id: 'catchd',
    }
  if (LOGGED_IN.includes(name)) return { issuer, client_id: clientId, scope: 'openid email offline_access' }
  return { issuer: `https://${name}.example.com`, client_id: 'catchd', scope: 'openid offline_access' }
}

async function untilThere(daemon: Daemon, count: number): Promise<void> {
  for (;;) {
    const { json } = await daemon.api('GET', '/v1/status')
    if (json['profiles'] === count) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function bringAbout(daemon: Daemon, count: number, server: OidcProvider, gateway: Gateway) {
  const names = count === 1 ? ['calendar'] : NAMES.slice(0, count)
  const statuses = await statusesOf(daemon)
  const isDue = (name: string) => names.includes(name) && statuses.get(name) !== 'logged_in'
  for (const name of LOGGED_IN.filter(isDue)) await daemon.login(name, (url) => server.approve(url))
  if (isDue(FAILING)) {
    const [{ name, password }] = gateway.users
    await daemon.login(FAILING, (url) => approve(url, { user: name, password }))
    gateway.failNext({ status: 500, body: '{}', headers: { 'content-type': 'application/json' } })
    await daemon.api('POST', `/v1/tokens/${FAILING}/refresh`)
  }
  if (names.includes('hub')) await daemon.api('POST', '/v1/tokens/hub/refresh')
  if (isDue(WAITING) && statuses.get(WAITING) !== 'login_pending')
    await daemon.api('POST', '/v1/logins', { body: { profile: WAITING, open: false } })
}

async function statusesOf(daemon: Daemon): Promise<Map<unknown, unknown>> {
  const { json } = await daemon.api('GET', '/v1/profiles')
  const profiles = json['profiles'] as readonly Readonly<Record<string, unknown>>[]
  return new Map(profiles.map(({ profile, status }) => [profile, status]))
}
