/**
 * What `catchd` gives to programs in TypeScript: which names there are, and which programs compile. A change of it is a
 * change for its users.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { compile, ROOT } from './installed-package.js'

const CLIENT = join(ROOT, 'dist', 'client')
const program = async (name: string): Promise<Record<string, unknown>> =>
  await import(pathToFileURL(join(CLIENT, name)).href)

/** As the declarations export them, types among them. */
function exportedNames(file: string): string[] {
  const text = readFileSync(join(CLIENT, file), 'utf8')
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) =>
    names.split(','),
  )
  const declared = [...text.matchAll(/^export (?:declare )?(?:interface|type|class|function) (\w+)/gm)]
  const passedOn = [...text.matchAll(/^export (?:type )?\* from '\.\/(\S+)\.js'/gm)]
  return [
    ...listed.map((name) => name.trim().replace(/^type /, '')).filter((name) => name !== ''),
    ...declared.map(([, name = '']) => name),
    ...passedOn.flatMap(([, name]) => exportedNames(`${name}.d.ts`)),
  ].sort()
}

test('the names of catchd', async () => {
  expect(Object.keys(await program('index.js')).sort()).toEqual([
    'CatchdClient',
    'CatchdError',
    'DaemonError',
  ])
  expect(exportedNames('index.d.ts')).toEqual([
    'AccessTokenOptions',
    'AdoptionRequest',
    'CallOptions',
    'CancelOptions',
    'CatchRequest',
    'CatchdClient',
    'CatchdClientOptions',
    'CatchdError',
    'CaughtLogin',
    'ClientAnswer',
    'ClientWithKey',
    'DaemonError',
    'DaemonEvent',
    'DaemonStatus',
    'DashboardLink',
    'DiscoveryRequest',
    'ExchangingLogin',
    'Failure',
    'FailureCode',
    'FetchOptions',
    'IdTokenAnswer',
    'InspectionAnswer',
    'KeyAction',
    'LoginAnswer',
    'LoginReport',
    'LoginRequest',
    'LogoutAnswer',
    'Mistake',
    'NewClientRequest',
    'PendingCatch',
    'PendingDeviceLogin',
    'PendingLogin',
    'ProfileAnswer',
    'ProfileEntry',
    'ProfileStatus',
    'ProofAnswer',
    'ProofRequest',
    'RefreshOptions',
    'StartedLoginAnswer',
    'StoredTokenSet',
    'SucceededLogin',
    'TokenAnswer',
    'TokenOptions',
    'UnsuccessfulLogin',
    'VaultMigration',
    'WaitOptions',
  ])
})

test('the names of catchd/mcp', async () => {
  const functions = ['catchdAuthProvider', 'catchdTokenProvider']
  expect(Object.keys(await program('mcp.js'))).toEqual(functions)
  expect(exportedNames('mcp.d.ts')).toEqual([
    'CatchdAuthProvider',
    'CatchdAuthProviderOptions',
    'CatchdFetch',
    'CatchdMcpClient',
    'CatchdMcpTokens',
    'CatchdTokenProvider',
    'CatchdUnauthorizedContext',
    ...functions,
  ])
})

test('the calls of a client', async () => {
  const { CatchdClient } = (await program('index.js')) as { CatchdClient: { prototype: object } }
  expect(Object.getOwnPropertyNames(CatchdClient.prototype).sort()).toEqual([
    'addClient',
    'beginLogin',
    'cancelLogin',
    'clients',
    'close',
    'constructor',
    'dashboardLink',
    'discoverProfile',
    'events',
    'fetch',
    'idToken',
    'inspect',
    'lock',
    'login',
    'logins',
    'logout',
    'migrateVault',
    'paste',
    'profile',
    'profiles',
    'proof',
    'putProfile',
    'refresh',
    'removeClient',
    'removeProfile',
    'status',
    'stop',
    'token',
    'unlock',
  ])
})

test('what compiles, and what does not', () => {
  expect(
    compile(`
import {
  CatchdClient, CatchdError, DaemonError, type CaughtLogin, type FailureCode, type LoginAnswer, type LoginReport,
  type PendingCatch, type StoredTokenSet,
} from 'catchd'

// Options
const catchd = new CatchdClient({ start: true, timeoutMs: 1_000, signal: AbortSignal.timeout(1) })
await catchd.token('gw', { minTtlSeconds: 300, login: 'auto', waitSeconds: 60 })
await catchd.idToken('gw', { minTtlSeconds: 300 })
await catchd.token('gw', { scope: 'a b' })
await catchd.fetch('gw', 'https://api.example.com/', { method: 'POST' }, { login: 'auto', waitSeconds: 60 })
// @ts-expect-error an id_token has no scope
await catchd.idToken('gw', { scope: 'a' })
await catchd.discoverProfile({ url: 'https://mcp.example.com/', clientId: 'c', caFile: '/ca.pem', registerAgain: true })
await catchd.addClient({ client: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: 60 })
await catchd.putProfile('gw', { issuer: 'https://id.example.com', client_id: 'c', grant: 'client_credentials' })
await catchd.token('gw', { signal: undefined })
// @ts-expect-error the API's own name of it
await catchd.token('gw', { min_ttl: 300 })
// @ts-expect-error without its unit
await catchd.login('l-1', { wait: 5 })
// @ts-expect-error
await catchd.addClient({ client: 'ci', profiles: [], actions: ['token'], expires_in: 60 })
// @ts-expect-error
await catchd.addClient({ client: 'ci', profiles: [], actions: ['everything'] })
// @ts-expect-error a key that no profile has
await catchd.putProfile('gw', { clientId: 'c' })

// What begins a login says what is begun
const begun = await catchd.beginLogin({ profile: 'gw', open: true, timeoutSeconds: 60 })
if (begun.redirect_uri === null) console.log(begun.user_code, begun.verification_uri_complete ?? begun.verification_uri)
else begun.authorization_url satisfies string | undefined
// @ts-expect-error not of every one
begun.user_code
const adopted = await catchd.beginLogin({ profile: 'gw', state: 's', codeVerifier: 'v' })
adopted.redirect_uri satisfies string
const caught: PendingCatch = await catchd.beginLogin({ redirectUri: 'http://127.0.0.1:8252/callback' })
caught.profile satisfies null
// @ts-expect-error nothing is opened for what is only caught
await catchd.beginLogin({ redirectUri: 'http://127.0.0.1:8252/callback', open: true })
// @ts-expect-error a state alone adopts nothing
await catchd.beginLogin({ profile: 'gw', state: 's' })

// status tells what there is
function report(login: LoginAnswer): string | LoginReport | null | undefined {
  const why: FailureCode | undefined = login.error?.code
  switch (login.status) {
    case 'pending':
      // @ts-expect-error
      login.stored.scope
      return login.authorization_url
    case 'exchanging':
      // @ts-expect-error
      return login.authorization_url
    case 'succeeded': {
      if (login.profile === null) return (login satisfies CaughtLogin).response?.['code']
      const stored: StoredTokenSet = login.stored
      return stored.stored_in
    }
    case 'failed':
    case 'expired':
    case 'cancelled':
      login.error.code satisfies FailureCode
      login.stored satisfies null
      return why === login.error.code ? login.report : null
  }
}
console.log(report(await catchd.login('l-1', { waitSeconds: 5 })))

// Errors
try {
  await catchd.refresh('gw')
} catch (error) {
  if (!(error instanceof CatchdError)) throw error
  if (error.code === 'login_required') console.log(error.next, error.detail, error.profile)
  // @ts-expect-error no code
  if (error.code === 'login_needed') console.log('never')
  // @ts-expect-error what the daemon said more is of a DaemonError
  error.authorizationUrl
  if (error instanceof DaemonError) {
    console.log(error.missing.join(' '), error.isProtected === false, error.authorizationUrl?.length, error.loginId, error.mistakes.map(({ name }) => name))
    // @ts-expect-error
    error.members
  }
  // @ts-expect-error internal
  error.evidence
}

// What is not for programs
// @ts-expect-error
catchd.request({ method: 'GET', path: '/v1/status' })
// @ts-expect-error
new CatchdClient({ onNothingListens: async () => {} })
// @ts-expect-error
import { DaemonConnection } from 'catchd'
// @ts-expect-error
import { Transport } from 'catchd/dist/client/transport.js'
console.log(DaemonConnection, Transport)
`),
  ).toBe('')
})
