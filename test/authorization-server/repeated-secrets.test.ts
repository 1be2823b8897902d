/** A server that repeats what it was sent, on every path on which it is sent something secret. */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { SentValues } from '../../src/authorization-server/sent-values.js'
import { Transcript } from '../../src/authorization-server/transcript.js'
import type { Profile } from '../../src/config/profile.js'
import { Secret } from '../../src/secret.js'
import { tokenSetFrom } from '../../src/tokens/token-set.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { authorizationServers, json, type Seen, startFakeServer } from './fake-server.js'

const SECRETS = {
  client: 'client-canary +%&/1',
  code: 'code-canary-51c0',
  verifier: 'proofkey-canary-7f1e',
  refresh: 'refresh-canary-77ab',
  access: 'access-canary-5d1c',
  state: 'state-canary-0a1b',
  nonce: 'nonce-canary-9f9f',
  pin: 'pin-canary-1234',
  header: 'header-canary-4321',
}
const anySecret = new SentValues().add(...Object.values(SECRETS).map((value) => new Secret(value)))

const REPEATS: readonly [string, (request: Seen) => string][] = [
  [
    'as it came',
    ({ headers, body }) => `${String(headers.authorization)} ${String(headers['x-key'])} ${body}`,
  ],
  ['decoded', ({ body }) => [...new URLSearchParams(body).values()].join(' ')],
  [
    'without the scheme',
    ({ headers, body }) => `${String(headers.authorization).replace(/^\w+ .../, '')} ${body.slice(3)}`,
  ],
  [
    'in Base64',
    ({ headers, body }) => Buffer.from(`${String(headers.authorization)} ${body}`).toString('base64'),
  ],
  ['percent-encoded', ({ headers, body }) => encodeURIComponent(`${String(headers.authorization)} ${body}`)],
]
const WHERE: readonly [string, (text: string) => unknown, number][] = [
  ['error_description', (text) => ({ error: 'invalid_request', error_description: text }), 400],
  ['error', (text) => ({ error: text.replaceAll(' ', '_') }), 400],
  ['message', (text) => ({ message: text }), 403],
  ['an error with status 200', (text) => ({ ok: false, error: text.slice(0, 90) }), 200],
  ['names of members', (text) => ({ [text.slice(0, 90)]: 1, error: { message: text } }), 400],
  ['a scope and claims', (text) => ({ ...GOOD, scope: text, note: [{ [text]: text }] }), 200],
]
const GOOD = { access_token: 'new-token', token_type: 'Bearer', active: true, sub: 'ada' }

const origin = { authorizationServer: 'https://as.example', clientId: 'client-1' }
const set = tokenSetFrom(
  tokenResponse({ accessToken: new Secret(SECRETS.access), refreshToken: new Secret(SECRETS.refresh) }),
  origin,
  null,
  0,
)
type Servers = ReturnType<typeof authorizationServers>
const PATHS: readonly [
  string,
  (servers: Servers, profile: Profile, transcript: Transcript) => Promise<unknown>,
][] = [
  [
    'redeem',
    (servers, profile, transcript) =>
      servers.redeem(profile, {
        code: new Secret(SECRETS.code),
        codeVerifier: new Secret(SECRETS.verifier),
        redirectUri: 'http://127.0.0.1:8252/callback/gw',
        nonce: null,
        transcript,
      }),
  ],
  ['refresh', (servers, profile) => servers.refresh(profile, set)],
  ['client credentials', (servers, profile) => servers.obtain({ ...profile, grant: 'client_credentials' })],
  ['device authorization', (servers, profile) => servers.authorizeDevice(profile)],
  [
    'device poll',
    (servers, profile, transcript) =>
      servers.pollDevice(profile, { deviceCode: new Secret(SECRETS.code) }, transcript),
  ],
  ['revocation', (servers, profile) => servers.revoke(profile, set)],
  ['introspection and UserInfo', (servers, profile) => servers.inspect(profile, set)],
  [
    'pushed request',
    (servers, profile) =>
      servers.prepare(
        profile,
        {
          redirectUri: 'http://127.0.0.1:8252/callback/gw',
          state: new Secret(SECRETS.state),
          nonce: new Secret(SECRETS.nonce),
          codeVerifier: new Secret(SECRETS.verifier),
        },
        false,
      ),
  ],
]

/** The outcome of a call, with all of it that can be shown. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  const outcome = await call.catch((error: unknown) => error)
  return inspect(outcome, { depth: 12, maxStringLength: null, breakLength: Number.POSITIVE_INFINITY })
}

test.each(PATHS)('%s', async (_, call) => {
  for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
    for (const format of ['form', 'json'] as const) {
      const fake = await startFakeServer()
      const at = (path: string) => `${fake.base}/${path}`
      const profile = testProfile({
        token_endpoint: at('x'),
        revocation_endpoint: at('x'),
        introspection_endpoint: at('x'),
        userinfo_endpoint: at('x'),
        device_authorization_endpoint: at('x'),
        pushed_authorization_request_endpoint: at('x'),
        client_secret: { keychain: true },
        token_endpoint_auth_method: method,
        token_request_format: format,
        token_parameters: { pin: SECRETS.pin },
        token_request_headers: { 'X-Key': SECRETS.header },
      })
      const servers = authorizationServers({ secret: SECRETS.client })
      for (const [how, repeat] of REPEATS) {
        for (const [where, answer, status] of WHERE) {
          fake.routes.set('/x', (request, response) =>
            json(answer(repeat(request)), status)(request, response),
          )
          const transcript = new Transcript({ now: () => 0 })
          const shown = `${await outcomeOf(call(servers, profile, transcript))} ${inspect(transcript.exchanges)}`
          const what = `${method}, ${format}, ${how}, in ${where}: ${shown}`
          expect(anySecret.areIn(shown), what).toBe(false)
        }
      }
      expect(fake.seen.length).toBeGreaterThanOrEqual(REPEATS.length * WHERE.length)
    }
  }
})
