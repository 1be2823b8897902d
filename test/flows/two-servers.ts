/** An honest authorization server and a second one, and the built daemon: what secret arrives at the second one? */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type FakeServer, json, startFakeServer } from '../authorization-server/fake-server.js'
import { type Daemon, type DaemonOptions, startDaemon } from '../support/daemon.js'
import { exchange } from '../support/http-client.js'

export const CLIENT_SECRET = 'canary-client-secret'
/** Every secret of these tests, and every client assertion, in any body or header. */
const SECRETS = /canary|code_verifier|client_assertion|device_code=|\b(?:at|rt|code)-\d/

/** Serves every endpoint, and publishes metadata at its own address. */
export async function authorizationServer(members: object = {}): Promise<FakeServer> {
  const server = await startFakeServer()
  let count = 0
  const tokens = () => {
    count += 1
    return {
      access_token: `at-${count}-canary`,
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: `rt-${count}-canary`,
    }
  }
  publish(server, members)
  server.routes.set('/token', (seen, response) => json(tokens())(seen, response))
  for (const path of ['/revoke', '/introspect', '/userinfo']) {
    server.routes.set(path, json({ active: true, sub: 'ada' }))
  }
  server.routes.set('/device', (seen, response) =>
    json({
      device_code: 'canary-device-code',
      user_code: 'WDJB-MJHT',
      verification_uri: `${server.base}/enter`,
      expires_in: 600,
      interval: 1,
    })(seen, response),
  )
  return server
}

export function endpointsOf({ base }: FakeServer) {
  return {
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    revocation_endpoint: `${base}/revoke`,
    introspection_endpoint: `${base}/introspect`,
    userinfo_endpoint: `${base}/userinfo`,
    device_authorization_endpoint: `${base}/device`,
    registration_endpoint: `${base}/register`,
  }
}

export function publish(server: FakeServer, members: object = {}): void {
  const document = {
    issuer: server.base,
    ...endpointsOf(server),
    code_challenge_methods_supported: ['S256'],
    ...members,
  }
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    server.routes.set(`/.well-known/${name}`, json(document))
  }
}

/** A resource whose metadata names the authorization server that `named` returns. */
export async function resourceServer(named: () => FakeServer): Promise<FakeServer> {
  const resource = await startFakeServer()
  resource.routes.set('/api', (_seen, response) =>
    response
      .writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${resource.base}/metadata"` })
      .end(),
  )
  resource.routes.set('/metadata', (seen, response) =>
    json({ resource: `${resource.base}/api`, authorization_servers: [named().base] })(seen, response),
  )
  return resource
}

export async function daemonWith(profiles: object, options: DaemonOptions = {}): Promise<Daemon> {
  const daemon = await startDaemon({
    ...options,
    env: { CATCHD_VAULT: 'file', ...options.env },
    config: { profiles },
  })
  onTestFinished(() => daemon.stop())
  return daemon
}

/** The whole login of a profile. @returns `GET /v1/logins/{id}` afterwards */
export async function logIn(daemon: Daemon, profile: string, code = 'code-1') {
  const walk = await daemon.login(profile, async (url) => responseTo(url, code))
  return walk.login
}

export function responseTo(authorizationUrl: string, code: string): string {
  const { searchParams } = new URL(authorizationUrl)
  const response = new URL(searchParams.get('redirect_uri') ?? '')
  response.search = String(new URLSearchParams({ code, state: searchParams.get('state') ?? '' }))
  return response.href
}

/** The requests with a secret that a server got since the last call. */
export function secretsAt(server: FakeServer): string[] {
  return server.seen
    .splice(0)
    .filter(({ body, headers, url }) =>
      SECRETS.test(`${body} ${url} ${decoded(headers.authorization ?? '')}`),
    )
    .map(({ method, url }) => `${method} ${url}`)
}

function decoded(authorization: string): string {
  const basic = /^Basic (.*)$/.exec(authorization)?.[1]
  return basic === undefined ? authorization : Buffer.from(basic, 'base64').toString()
}

/** Writes the configuration as the owner does, and waits until the daemon uses it. */
export async function rewrite(daemon: Daemon, profiles: Readonly<Record<string, object>>): Promise<void> {
  for (const [name, entry] of Object.entries(profiles)) {
    await daemon.api('PUT', `/v1/profiles/${name}`, { body: entry })
  }
}

/** Runs a command as it was printed. `catchd profile edit` opens an editor that sets these keys. */
export async function runPrinted(daemon: Daemon, next: unknown, keys: object = {}) {
  const [program, ...args] = String(next).split(' ')
  if (program !== 'catchd') throw new Error(`No command of catchd: ${String(next)}`)
  const editor = join(daemon.home, 'editor.mjs')
  await writeFile(
    editor,
    `import fs from 'node:fs'
     const path = process.argv[2]
     const file = JSON.parse(fs.readFileSync(path, 'utf8'))
     Object.assign(file.profiles[${JSON.stringify(args.at(-1))}], ${JSON.stringify(keys)})
     fs.writeFileSync(path, JSON.stringify(file))`,
  )
  return daemon.cli(args, { env: { EDITOR: `${process.execPath} ${editor}` } })
}

/** A browser that entered the dashboard. @returns Calls the API as the page does. */
export async function dashboardSession(daemon: Daemon) {
  const origin = `http://127.0.0.1:${daemon.apiPort}`
  const navigation = { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  const link = String((await daemon.api('POST', '/v1/dashboard/links')).json['url'])
  const entered = await exchange(link, { headers: navigation })
  const cookie = entered.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
  const page = await exchange(`${origin}/`, { headers: { ...navigation, cookie } })
  const key = /catchd-page-key" content="([^"]+)"/.exec(page.body)?.[1] ?? ''
  return (method: string, path: string, body?: object) =>
    daemon.api(method, path, {
      via: 'tcp',
      key: null,
      body,
      headers: {
        cookie,
        'catchd-page-key': key,
        'sec-fetch-site': 'same-origin',
        'sec-fetch-mode': 'cors',
        'sec-fetch-dest': 'empty',
        ...(method === 'GET' ? {} : { origin }),
      },
    })
}
