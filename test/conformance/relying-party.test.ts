/**
 * Modules of the OpenID conformance suite for relying parties, by their names, on the built program: the plans
 * "Basic RP" (all 14), "Refresh token", discovery and key rotation, and "FAPI 2.0 Security Profile" for clients with
 * private_key_jwt and DPoP. docs/conformance.md is the table of what is expected and what is observed.
 */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { Secret } from '../../src/secret.js'
import { authorizationServers } from '../authorization-server/fake-server.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import { exchange } from '../support/http-client.js'
import { CLIENT_ID, CLIENT_SECRET, type Deviation, SuiteServer } from './suite-server.js'

/** How a run ended: with tokens in the vault, or refused with this code. */
type Outcome =
  | 'accepted'
  | 'provider_answer_invalid'
  | 'issuer_mismatch'
  | 'state_unknown'
  | 'redirect_malformed'

interface Module {
  readonly name: string
  readonly outcome: Outcome
  readonly deviation?: Deviation
  readonly profile?: object
  /** What was served, in order, beside the keys; a client that refuses stops after it. */
  readonly served: readonly string[]
}

const UP_TO_TOKEN = ['discovery', 'authorize', 'token']
const refused = { outcome: 'provider_answer_invalid', served: UP_TO_TOKEN } as const

const BASIC: readonly Module[] = [
  { name: 'oidcc-client-test', outcome: 'accepted', served: UP_TO_TOKEN },
  {
    name: 'oidcc-client-test-invalid-iss',
    deviation: { idToken: { iss: 'https://other.example' } },
    ...refused,
  },
  { name: 'oidcc-client-test-missing-sub', deviation: { idToken: { sub: undefined } }, ...refused },
  { name: 'oidcc-client-test-invalid-aud', deviation: { idToken: { aud: 'another-client' } }, ...refused },
  { name: 'oidcc-client-test-missing-aud', deviation: { idToken: { aud: undefined } }, ...refused },
  { name: 'oidcc-client-test-missing-iat', deviation: { idToken: { iat: undefined } }, ...refused },
  {
    name: 'oidcc-client-test-kid-absent-single-jwks',
    deviation: { signing: 'no kid' },
    outcome: 'accepted',
    served: UP_TO_TOKEN,
  },
  {
    // The suite takes either answer here. Both keys are the issuer's.
    name: 'oidcc-client-test-kid-absent-multiple-jwks',
    deviation: { signing: 'no kid', secondKey: true },
    outcome: 'accepted',
    served: UP_TO_TOKEN,
  },
  { name: 'oidcc-client-test-idtoken-sig-rs256', outcome: 'accepted', served: UP_TO_TOKEN },
  { name: 'oidcc-client-test-idtoken-sig-none', deviation: { signing: 'none' }, ...refused },
  {
    name: 'oidcc-client-test-invalid-sig-rs256',
    deviation: { signing: 'broken' },
    outcome: 'provider_answer_invalid',
    served: UP_TO_TOKEN,
  },
  { name: 'oidcc-client-test-nonce-invalid', deviation: { idToken: { nonce: 'another nonce' } }, ...refused },
  {
    name: 'oidcc-client-test-client-secret-basic',
    profile: { token_endpoint_auth_method: 'client_secret_basic' },
    outcome: 'accepted',
    served: UP_TO_TOKEN,
  },
]

const named = (modules: readonly Module[]) => modules.map((module) => [module.name, module] as const)

const modulesRun: string[] = []
let daemon: Daemon
let folder = ''
const clientKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const suites: SuiteServer[] = []
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catchd-conformance-'))
  const pem = clientKey.privateKey.export({ format: 'pem', type: 'pkcs8' })
  await writeFile(join(folder, 'client.pem'), pem, { mode: 0o600 })
  daemon = await startDaemon()
})
afterAll(async () => {
  await daemon.stop()
  await rm(folder, { recursive: true })
})
beforeEach(({ task }) => {
  if (/^(oidcc|fapi2)-/.test(task.name)) modulesRun.push(task.name)
})
afterEach(() => {
  vi.useRealTimers()
  for (const suite of suites.splice(0)) suite.close()
})

/**
 * The keys are fetched beside everything else, as soon as it is known where they are, and once more if none of them made a
 * signature.
 */
function servedBesideKeys({ served }: SuiteServer): readonly string[] {
  expect(served.filter((endpoint) => endpoint === 'jwks').length).toBeLessThanOrEqual(2)
  return served.filter((endpoint) => endpoint !== 'jwks')
}

async function startSuite(deviation: Deviation = {}): Promise<SuiteServer> {
  const suite = await SuiteServer.start(deviation)
  suites.push(suite)
  return suite
}

/** A profile of the program for this server. @returns Its name. */
async function register(suite: SuiteServer, changes: object = {}): Promise<string> {
  count += 1
  const name = `m${count}`
  const body = {
    issuer: suite.base,
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    token_endpoint_auth_method: 'client_secret_basic',
    scope: 'openid',
    refresh: 'on_demand',
    ...changes,
  }
  const answer = await daemon.api('PUT', `/v1/profiles/${name}`, { body })
  expect(answer.status, answer.text).toBe(201)
  return name
}

/** FAPI 2.0: no secret, a key, and tokens that are bound to another one. */
const fapiProfile = (changes: object = {}) => ({
  client_secret: undefined,
  token_endpoint_auth_method: 'private_key_jwt',
  private_key_file: join(folder, 'client.pem'),
  dpop: true,
  scope: 'accounts',
  ...changes,
})
const fapi = (nonces = true) => ({ clientKey: clientKey.publicKey, nonces })

async function outcomeOf(profile: string, suite: SuiteServer): Promise<string> {
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile, open: false } })
  if (begun.status !== 201) return String(begun.json['code'])
  const id = String(begun.json['login_id'])
  const page = await daemon.follow(await suite.approve(String(begun.json['authorization_url'])))
  const { json } = await daemon.api('GET', `/v1/logins/${id}`)
  if (json['status'] === 'pending') {
    // The response was not this login's: the page says why, and the login goes on without it.
    await daemon.api('DELETE', `/v1/logins/${id}`)
    return /state_unknown/.exec(page.body)?.[0] ?? `page ${page.status}`
  }
  const settled = await daemon.api('GET', `/v1/logins/${id}?wait=10`)
  const token = await daemon.api('GET', `/v1/tokens/${profile}`)
  if (settled.json['status'] === 'succeeded') {
    expect(token.status, token.text).toBe(200)
    return 'accepted'
  }
  // Nothing of a response that was refused is kept.
  expect(token.json).toMatchObject({ code: 'login_required' })
  return String((settled.json['error'] as { code?: unknown } | null)?.code)
}

const inspect = async (profile: string) => (await daemon.api('GET', `/v1/tokens/${profile}/inspection`)).json

describe('Basic RP', () => {
  test.each(named(BASIC))('%s', async (_name, { outcome, deviation = {}, profile = {}, served }) => {
    const suite = await startSuite(deviation)
    const name = await register(suite, profile)
    expect(await outcomeOf(name, suite)).toBe(outcome)
    expect(servedBesideKeys(suite)).toEqual(served)
  })

  test('oidcc-client-test-userinfo-invalid-sub', async () => {
    const suite = await startSuite({ userinfo: { sub: 'somebody else' } })
    const name = await register(suite)
    expect(await outcomeOf(name, suite)).toBe('accepted')
    const { userinfo } = await inspect(name)
    expect(userinfo).toMatchObject({ answer: null, error: { code: 'provider_answer_invalid' } })
    expect(JSON.stringify(userinfo)).not.toContain('"somebody else"')
  })

  test('oidcc-client-test-scope-userinfo-claims', async () => {
    const claims = { name: 'Demo T. User', email: 'user@example.com', phone_number: '+1 555 550 1234' }
    const suite = await startSuite({ userinfo: claims })
    const name = await register(suite, { scope: 'openid profile email phone' })
    expect(await outcomeOf(name, suite)).toBe('accepted')
    expect((await inspect(name))['userinfo']).toMatchObject({ answer: claims, error: null })
    expect(servedBesideKeys(suite)).toEqual([...UP_TO_TOKEN, 'userinfo'])
  })
})

describe('refresh, discovery and rotation', () => {
  const refresh = async (deviation: Deviation) => {
    const suite = await startSuite(deviation)
    const name = await register(suite)
    expect(await outcomeOf(name, suite)).toBe('accepted')
    const answer = await daemon.api('POST', `/v1/tokens/${name}/refresh`)
    return { answer, name, suite }
  }

  test('oidcc-client-test-refresh-token', async () => {
    const { answer, name, suite } = await refresh({})
    expect(answer.json).toMatchObject({ access_token: 'access-2' })
    expect((await inspect(name))['userinfo']).toMatchObject({ error: null })
    expect(servedBesideKeys(suite)).toEqual([...UP_TO_TOKEN, 'refresh', 'userinfo'])
  })

  test.each([
    ['oidcc-client-test-refresh-token-invalid-issuer', { iss: 'https://other.example' }],
    ['oidcc-client-test-refresh-token-invalid-sub', { sub: 'somebody else' }],
    ['oidcc-client-test-refresh-token-invalid-aud', { aud: 'another-client' }],
  ])('%s', async (_name, refreshedIdToken) => {
    const { answer, name, suite } = await refresh({ refreshedIdToken })
    expect(answer.json).toMatchObject({ code: 'login_required' })
    // The tokens of that answer are not taken, and the refresh token is not sent again by itself.
    expect((await daemon.api('GET', `/v1/tokens/${name}`)).text).not.toContain('access-2')
    expect(suite.served.filter((endpoint) => endpoint === 'refresh')).toHaveLength(1)
  })

  test('oidcc-client-test-discovery-issuer-mismatch', async () => {
    const suite = await startSuite({ metadata: { issuer: 'https://other.example' } })
    const name = await register(suite)
    expect(await outcomeOf(name, suite)).toBe('issuer_mismatch')
    expect(servedBesideKeys(suite)).toEqual(['discovery'])
  })

  test('oidcc-client-test-signing-key-rotation', async () => {
    // In this process, where a minute can pass: unknown keys are looked for once a minute at most.
    vi.useFakeTimers({ toFake: ['Date'] })
    const suite = await startSuite()
    const servers = authorizationServers({ secret: CLIENT_SECRET })
    const { authorization_endpoint: _authorize, token_endpoint: _token, ...rest } = testProfile()
    const profile = {
      ...rest,
      issuer: suite.base,
      client_id: CLIENT_ID,
      scope: 'openid',
      token_endpoint_auth_method: 'client_secret_basic',
    } as const
    const login = async () => {
      const bound = {
        redirectUri: profile.redirect_uri,
        state: new Secret('state-1'),
        codeVerifier: new Secret('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'),
        nonce: new Secret('nonce-1'),
      }
      const { authorizationUrl } = await servers.prepare(profile, bound, false)
      const response = new URL(await suite.approve(authorizationUrl)).searchParams
      return servers.redeem(profile, { ...bound, code: new Secret(response.get('code') ?? '') })
    }
    expect((await login()).issuer).toBe(suite.base)
    await suite.rotateKeys()
    vi.setSystemTime(Date.now() + 61_000)
    expect((await login()).issuer).toBe(suite.base)
    expect(suite.served.filter((endpoint) => endpoint === 'jwks')).toHaveLength(2)
  })
})

const FAPI = 'fapi2-security-profile-final-client-test'
const UP_TO_RESPONSE = ['discovery', 'par', 'authorize']
const fapiId = (name: string, idToken: object): Module => ({
  name: `${FAPI}-${name}`,
  deviation: { fapi: fapi(), idToken },
  profile: { scope: 'openid accounts' },
  outcome: 'provider_answer_invalid',
  served: [...UP_TO_RESPONSE, 'token'],
})
const CLIENT: readonly Module[] = [
  { name: `${FAPI}-happy-path`, outcome: 'accepted', served: [...UP_TO_RESPONSE, 'token'] },
  {
    name: `${FAPI}-happy-path-no-dpop-nonce`,
    deviation: { fapi: fapi(false) },
    outcome: 'accepted',
    served: [...UP_TO_RESPONSE, 'token'],
  },
  {
    name: `${FAPI}-discovery-issuer-mismatch`,
    deviation: { fapi: fapi(), metadata: { issuer: 'https://other.example' } },
    outcome: 'issuer_mismatch',
    served: ['discovery'],
  },
  {
    name: `${FAPI}-remove-authorization-response-iss`,
    deviation: { fapi: fapi(), response: { iss: undefined } },
    outcome: 'issuer_mismatch',
    served: UP_TO_RESPONSE,
  },
  {
    name: `${FAPI}-invalid-authorization-response-iss`,
    deviation: { fapi: fapi(), response: { iss: 'https://other.example' } },
    outcome: 'issuer_mismatch',
    served: UP_TO_RESPONSE,
  },
  {
    name: `${FAPI}-ensure-authorization-response-with-invalid-state-fails`,
    deviation: { fapi: fapi(), response: { state: 'a state that nobody issued' } },
    outcome: 'state_unknown',
    served: UP_TO_RESPONSE,
  },
  {
    name: `${FAPI}-ensure-authorization-response-with-invalid-missing-state-fails`,
    deviation: { fapi: fapi(), response: { state: undefined } },
    outcome: 'state_unknown',
    served: UP_TO_RESPONSE,
  },
  {
    name: `${FAPI}-token-type-case-insensitivity`,
    deviation: { fapi: fapi(), tokens: { token_type: 'dPOp' } },
    outcome: 'accepted',
    served: [...UP_TO_RESPONSE, 'token'],
  },
  fapiId('invalid-iss', { iss: 'https://other.example' }),
  fapiId('invalid-aud', { aud: 'another-client' }),
  fapiId('invalid-secondary-aud', { aud: [CLIENT_ID, 'another-client'] }),
  fapiId('invalid-missing-aud', { aud: undefined }),
  fapiId('invalid-missing-iss', { iss: undefined }),
  fapiId('invalid-missing-exp', { exp: undefined }),
  fapiId('invalid-expired-exp', { exp: Math.floor(Date.now() / 1000) - 600 }),
  fapiId('invalid-missing-nonce', { nonce: undefined }),
  fapiId('invalid-nonce', { nonce: 'another nonce' }),
]

describe('FAPI 2.0 Security Profile, client', () => {
  test.each(named(CLIENT))(
    '%s',
    async (_name, { outcome, deviation = { fapi: fapi() }, profile = {}, served }) => {
      const suite = await startSuite(deviation)
      const name = await register(suite, fapiProfile(profile))
      expect(await outcomeOf(name, suite)).toBe(outcome)
      expect(servedBesideKeys(suite)).toEqual(served)
    },
  )

  test(`${FAPI}-invalid-null-alg`, async () => {
    const suite = await startSuite({ fapi: fapi(), signing: 'none' })
    const name = await register(suite, fapiProfile({ scope: 'openid accounts' }))
    expect(await outcomeOf(name, suite)).toBe('provider_answer_invalid')
  })

  test(`${FAPI}-token-endpoint-response-without-expires_in`, async () => {
    const suite = await startSuite({ fapi: fapi(), tokens: { expires_in: undefined } })
    const name = await register(suite, fapiProfile())
    expect(await outcomeOf(name, suite)).toBe('accepted')
    const { json } = await daemon.api('GET', `/v1/tokens/${name}`)
    expect(json).toMatchObject({ access_token: 'access-1', expires_in: null, expires_at: null })
  })

  test(`${FAPI}-rs-dpop-auth-scheme-case-insensitivity`, async () => {
    const suite = await startSuite({ fapi: fapi(), challengeScheme: 'dPOp' })
    const name = await register(suite, fapiProfile())
    expect(await outcomeOf(name, suite)).toBe('accepted')
    expect((await inspect(name))['userinfo']).toMatchObject({ error: null })
  })

  test('a tool goes to the resource server with a proof, and once more with its nonce', async () => {
    const suite = await startSuite({ fapi: fapi() })
    const name = await register(suite, fapiProfile())
    expect(await outcomeOf(name, suite)).toBe('accepted')
    const url = `${suite.base}/userinfo`
    const call = async (nonce?: string) => {
      const body = { method: 'GET', url, ...(nonce === undefined ? {} : { nonce }) }
      const { json } = await daemon.api('POST', `/v1/tokens/${name}/proof`, { body })
      const authorization = `${String(json['token_type'])} ${String(json['access_token'])}`
      return exchange(url, { headers: { authorization, dpop: String(json['dpop']) } })
    }
    const first = await call()
    expect(first.status).toBe(401)
    expect((await call(String(first.headers['dpop-nonce']))).status).toBe(200)
  })
})

test('docs/conformance.md has a row for each module', async () => {
  const table = await readFile(new URL('../../docs/conformance.md', import.meta.url), 'utf8')
  const rows = [...table.matchAll(/^\| `([\w-]+)`/gm)].map(([, name]) => name)
  expect(rows.sort()).toEqual(modulesRun.sort())
})
