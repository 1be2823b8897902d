/** The token exchange request and what its answer has to say (RFC 8693). */
import { beforeEach, expect, test } from 'vitest'
import { OAuthAuthorizationServers } from '../../src/authorization-server/authorization-servers.js'
import { systemClock } from '../../src/clock.js'
import { TOKEN_EXCHANGE } from '../../src/config/grants.js'
import type { Profile } from '../../src/config/profile.js'
import { Secret } from '../../src/secret.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import { cleanUp, type FakeServer, failureOf, json, memoryKeys, startFakeServer } from './fake-server.js'

const ISSUED = {
  access_token: 'exchanged',
  token_type: 'Bearer',
  issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
}

let server: FakeServer
beforeEach(async () => {
  server = await startFakeServer()
  server.routes.set('/token', json(ISSUED))
})

function obtain(changes: Partial<Profile> = {}) {
  const servers = new OAuthAuthorizationServers({
    clock: systemClock,
    clientSecrets: async () => undefined,
    subjectTokens: async () => new Secret('subject-canary'),
    dpopKeys: memoryKeys(),
    resourceIssuers: memoryKeys(),
  })
  cleanUp(() => servers.close())
  return servers.obtain({
    ...testProfile(),
    grant: TOKEN_EXCHANGE,
    subject_token: { profile: 'corp' },
    token_endpoint: `${server.base}/token`,
    scope: 'read',
    ...changes,
  })
}

test('what is exchanged and for what (§2.1)', async () => {
  const { accessToken } = await obtain({
    audience: ['orders', 'bills'],
    resource: 'https://api.example.com/',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  })
  expect(accessToken.reveal()).toBe('exchanged')
  expect([...new URLSearchParams(server.seen.at(-1)?.body)].sort()).toEqual([
    ['audience', 'bills'],
    ['audience', 'orders'],
    ['client_id', 'client-1'],
    ['grant_type', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ['requested_token_type', 'urn:ietf:params:oauth:token-type:access_token'],
    ['resource', 'https://api.example.com/'],
    ['scope', 'read'],
    ['subject_token', 'subject-canary'],
    ['subject_token_type', 'urn:ietf:params:oauth:token-type:access_token'],
  ])
})

test.each([
  [{ subject_token: { profile: 'corp', token: 'id_token' } }, 'urn:ietf:params:oauth:token-type:id_token'],
  [{ subject_token: { file: '/run/token' } }, 'urn:ietf:params:oauth:token-type:jwt'],
  [{ subject_token: { file: '/run/token' }, subject_token_type: 'urn:example:pat' }, 'urn:example:pat'],
] satisfies [Partial<Profile>, string][])('the type of %j is %s (§3)', async (changes, type) => {
  await obtain(changes)
  expect(server.form()['subject_token_type']).toBe(type)
})

test('another type of token than was requested is not used (§2.2.1)', async () => {
  server.routes.set(
    '/token',
    json({ ...ISSUED, issued_token_type: 'urn:ietf:params:oauth:token-type:id_token' }),
  )
  const failure = await failureOf(
    obtain({ requested_token_type: 'urn:ietf:params:oauth:token-type:access_token' }),
  )
  expect(failure.code).toBe('provider_answer_invalid')
})

test.each(['N_A', 'n_a'])(
  'a token that is no access token has the type %s, and is handed out (§2.2.1)',
  async (type) => {
    server.routes.set('/token', json({ ...ISSUED, token_type: type }))
    expect((await obtain()).tokenType).toBe('Bearer')
  },
)

test.each([
  ['a type that nobody knows', { token_type: 'mac' }, {}],
  ['N_A in another grant', { token_type: 'N_A' }, { grant: 'client_credentials' as const }],
  ['N_A for a profile whose tokens are bound to a key', { token_type: 'N_A' }, { dpop: true }],
])('%s is not used', async (_name, members, changes) => {
  server.routes.set('/token', json({ ...ISSUED, ...members }))
  expect((await failureOf(obtain(changes))).code).toBe('provider_answer_invalid')
})

test('a refusal does not repeat the subject token (§2.2.2)', async () => {
  const refusal = { error: 'invalid_request', error_description: 'subject-canary is not valid' }
  server.routes.set('/token', json(refusal, 400))
  const failure = await failureOf(obtain())
  expect([failure.code, failure.error]).toEqual(['provider_refused', 'invalid_request'])
  expect(JSON.stringify(failure) + failure.errorDescription).not.toContain('canary')
})
