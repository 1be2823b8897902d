/**
 * Glewlwyd, an authorization server in C from the distribution's package, on a free loopback port with a
 * database of its own: exact redirect URIs, no `iss`, refresh tokens rotated, and a family revoked when an
 * old one comes again.
 *
 * It is set up over its administration API as a person would with its pages.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { freePort } from './free-port.js'
import { CookieSession, exchange, redirectTarget } from './http-client.js'
import { needs } from './needs.js'

/** For `describe.skipIf(withoutGlewlwyd !== undefined)`. */
export const withoutGlewlwyd = needs('glewlwyd', 'sqlite3')

const INIT_SCRIPT = '/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz'
const STARTS_WITHIN_MS = 60_000
/** What the init script sets for the administrator. */
const ADMIN = { username: 'admin', password: 'password' }
const USER = { username: 'ada', password: 'lovelace' }

export interface GlewlwydOptions {
  readonly redirectUris: readonly string[]
  /** Default 3600. */
  readonly accessTokenLifetimeSeconds?: number
}

export interface Glewlwyd {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Signs in and grants; the Location that leads to the redirect URI, not followed. */
  approve(authorizationUrl: string): Promise<string>
  /** What it printed so far. */
  log(): string
  close(): Promise<void>
}

export async function startGlewlwyd(options: GlewlwydOptions): Promise<Glewlwyd> {
  const folder = await mkdtemp(join(tmpdir(), 'catchd-glewlwyd-'))
  const origin = `http://127.0.0.1:${await freePort()}`
  await createDatabase(join(folder, 'glewlwyd.db'))
  await writeFile(join(folder, 'glewlwyd.conf'), configuration(folder, origin))
  const child = spawn('glewlwyd', [`--config-file=${join(folder, 'glewlwyd.conf')}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed += chunk.toString('utf8')
    })
  }
  const close = async () => {
    await endProcess(child)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await waitUntilServing(child, origin, () => printed)
    const registration = await setUp(origin, options)
    return {
      ...registration,
      issuer: `${origin}/api/oidc`,
      approve: (authorizationUrl) => approve(authorizationUrl, origin, registration.clientId),
      log: () => printed,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function createDatabase(file: string): Promise<void> {
  const script = gunzipSync(await readFile(INIT_SCRIPT)).toString('utf8')
  const run = promisify(execFile)('sqlite3', [file])
  run.child.stdin?.end(`PRAGMA synchronous=OFF;\nBEGIN;\n${script}\nCOMMIT;\n`)
  await run
}

function configuration(folder: string, origin: string): string {
  return `port=${new URL(origin).port}
bind_address="127.0.0.1"
external_url="${origin}"
login_url="login.html"
api_prefix="api"
static_files_path="${folder}/"
log_mode="console"
log_level="INFO"
cookie_secure=0
session_expiration=3600
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
user_middleware_module_path="${folder}"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = { type = "sqlite3" path = "${folder}/glewlwyd.db" };
`
}

async function waitUntilServing(child: ChildProcess, origin: string, printed: () => string): Promise<void> {
  const giveUpAtMs = Date.now() + STARTS_WITHIN_MS
  while (Date.now() < giveUpAtMs && child.exitCode === null) {
    const answer = await exchange(`${origin}/config`, { timeoutMs: 1000 }).catch(() => undefined)
    if (answer?.status === 200) return
    await delay(50)
  }
  throw new Error(`glewlwyd does not serve:\n${printed()}`)
}

async function setUp(origin: string, options: GlewlwydOptions) {
  const admin = new CookieSession()
  const call = async (method: string, path: string, value: unknown) => {
    const { status, body } = await admin.sendJson(method, `${origin}/api/${path}`, value)
    if (status !== 200) throw new Error(`glewlwyd answers ${status} to ${method} ${path}: ${body}`)
  }
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  await call('POST', 'auth/', ADMIN)
  await call('POST', 'mod/plugin/', {
    module: 'oidc',
    name: 'oidc',
    display_name: 'OpenID Connect',
    parameters: {
      iss: `${origin}/api/oidc`,
      'jwt-type': 'rsa',
      'jwt-key-size': '256',
      key: privateKey,
      cert: publicKey,
      'access-token-duration': options.accessTokenLifetimeSeconds ?? 3600,
      'refresh-token-duration': 1_209_600,
      'code-duration': 600,
      'refresh-token-rolling': true,
      'refresh-token-one-use': 'always',
      'allow-non-oidc': false,
      'auth-type-code-enabled': true,
      'auth-type-code-revoke-replayed': true,
      'auth-type-token-enabled': false,
      'auth-type-id-token-enabled': true,
      'auth-type-none-enabled': false,
      'auth-type-password-enabled': false,
      'auth-type-client-enabled': false,
      'auth-type-device-enabled': false,
      'auth-type-refresh-enabled': true,
      'pkce-allowed': true,
      'pkce-required': true,
      'pkce-method-plain-allowed': false,
      'subject-type': 'public',
      'introspection-revocation-allowed': true,
      'introspection-revocation-allow-target-client': true,
    },
  })
  const client = { clientId: 'catchd', clientSecret: 'glewlwydsecret' }
  await call('POST', 'client/', {
    client_id: client.clientId,
    password: client.clientSecret,
    name: 'catchd',
    confidential: true,
    enabled: true,
    scope: [],
    redirect_uri: options.redirectUris,
    authorization_type: ['code', 'refresh_token'],
    token_endpoint_auth_method: ['client_secret_basic', 'client_secret_post'],
  })
  // Without `openid` among the user's own scopes every grant of it is refused.
  await call('POST', 'user/', { ...USER, name: 'Ada', enabled: true, scope: ['g_profile', 'openid'] })
  return client
}

async function approve(authorizationUrl: string, origin: string, clientId: string): Promise<string> {
  const session = new CookieSession()
  const refused = await session.send(authorizationUrl)
  const loginPage = redirectTarget(refused, authorizationUrl)
  if (loginPage === undefined) throw new Error(`glewlwyd answers ${refused.status}: ${refused.body}`)
  if (!loginPage.startsWith(`${origin}/login.html?`)) return loginPage
  await session.sendJson('POST', `${origin}/api/auth/`, USER)
  await session.sendJson('PUT', `${origin}/api/auth/grant/${clientId}`, { scope: 'openid' })
  // Its login page comes back to the same request with this mark, once the person has granted.
  const granted = `${authorizationUrl}&g_continue`
  const answer = await session.send(granted)
  const location = redirectTarget(answer, granted)
  if (location === undefined) throw new Error(`glewlwyd answers ${answer.status}: ${answer.body}`)
  return location
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  await ended
  clearTimeout(timer)
}
