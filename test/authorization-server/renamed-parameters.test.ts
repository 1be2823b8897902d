/** Servers whose requests have other names than the standard's, and what of them may be shown. By profile alone. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { randomSecret } from '../../src/authorization-server/pkce.js'
import { Transcript } from '../../src/authorization-server/transcript.js'
import { systemClock } from '../../src/clock.js'
import type { ProfileEntry } from '../../src/config/profile.js'
import { resolveProfile } from '../../src/config/resolve.js'
import { checkProfiles } from '../../src/config/rules.js'
import { Secret } from '../../src/secret.js'
import { tokenResponse } from '../support/fake-authorization-servers.js'
import { authorizationServers, failureOf, json, startFakeServer } from './fake-server.js'

const SECRET = 'client-secret-canary'
const VERIFIER = `verifier-canary-${'v'.repeat(30)}`
const CODE = 'code-canary-0001'
const REFRESH_TOKEN = 'refresh-canary-0001'
const REDIRECT_URI = 'http://127.0.0.1:8252/callback/a'

async function start(entry: ProfileEntry, answer: unknown = { access_token: 't', token_type: 'Bearer' }) {
  const fake = await startFakeServer()
  fake.routes.set('/token', json(answer))
  const entries = new Map([
    [
      'a',
      {
        authorization_endpoint: `${fake.base}/authorize`,
        token_endpoint: `${fake.base}/token`,
        device_authorization_endpoint: `${fake.base}/device`,
        client_id: 'client-1',
        client_secret: { keychain: true },
        ...entry,
      } satisfies ProfileEntry,
    ],
  ])
  const profile = resolveProfile('a', entries, { redirectPort: 8252, configFolder: '/' })
  checkProfiles(new Map([['a', profile]]))
  const servers = authorizationServers({ secret: SECRET })
  const transcript = new Transcript(systemClock)
  const isJson = entry.token_request_format === 'json'
  const sent = () => (isJson ? fake.members() : fake.form())
  const redeem = async (redirectUri = REDIRECT_URI) => {
    const grant = {
      code: new Secret(CODE),
      codeVerifier: new Secret(VERIFIER),
      redirectUri,
      nonce: null,
      transcript,
    }
    await servers.redeem(profile, grant).catch(() => {})
    return sent()
  }
  const refresh = async () => {
    await servers.refresh(profile, tokenResponse({ refreshToken: new Secret(REFRESH_TOKEN) }))
    return sent()
  }
  const authorize = async (redirectUri = REDIRECT_URI) => {
    const request = { redirectUri, state: randomSecret(), codeVerifier: new Secret(VERIFIER), nonce: null }
    return new URL((await servers.prepare(profile, request, false)).authorizationUrl).searchParams
  }
  return { fake, profile, servers, transcript, redeem, refresh, authorize }
}

/** Each vendor as its documents have it: the profile of a user, the code request and the refresh request. */
const VENDORS: readonly [name: string, entry: ProfileEntry, code: object, refresh: object][] = [
  [
    'AWS IAM Identity Center, with nothing but its own names',
    {
      token_request_format: 'json',
      token_parameters: {
        clientId: '{client_id}',
        clientSecret: '{client_secret}',
        grantType: 'authorization_code',
        code: '{code}',
        redirectUri: '{redirect_uri}',
        codeVerifier: '{code_verifier}',
        client_id: '',
        grant_type: '',
        redirect_uri: '',
        code_verifier: '',
      },
      refresh_parameters: {
        grantType: 'refresh_token',
        refreshToken: '{refresh_token}',
        refresh_token: '',
        redirectUri: '',
      },
    },
    {
      clientId: 'client-1',
      clientSecret: SECRET,
      grantType: 'authorization_code',
      code: CODE,
      redirectUri: REDIRECT_URI,
      codeVerifier: VERIFIER,
    },
    { clientId: 'client-1', clientSecret: SECRET, grantType: 'refresh_token', refreshToken: REFRESH_TOKEN },
  ],
  [
    'Azure DevOps: the secret is an assertion, and so is the code',
    {
      token_parameters: {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: '{client_secret}',
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: '{code}',
      },
      refresh_parameters: {
        grant_type: 'refresh_token',
        assertion: '{refresh_token}',
        redirect_uri: '{redirect_uri}',
      },
    },
    {
      client_id: 'client-1',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: SECRET,
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: CODE,
      code: CODE,
      code_verifier: VERIFIER,
      redirect_uri: REDIRECT_URI,
    },
    {
      client_id: 'client-1',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: SECRET,
      grant_type: 'refresh_token',
      assertion: REFRESH_TOKEN,
      refresh_token: REFRESH_TOKEN,
      redirect_uri: REDIRECT_URI,
    },
  ],
  [
    'Douyin: client_key, and PKCE is unknown there',
    {
      code_challenge_method: 'none',
      authorization_parameters: { client_key: '{client_id}' },
      token_parameters: {
        client_key: '{client_id}',
        client_secret: '{client_secret}',
        client_id: '',
        redirect_uri: '',
        code_verifier: '{code_verifier}',
      },
    },
    {
      grant_type: 'authorization_code',
      client_key: 'client-1',
      client_secret: SECRET,
      code: CODE,
      code_verifier: VERIFIER,
    },
    {
      grant_type: 'refresh_token',
      client_key: 'client-1',
      client_secret: SECRET,
      refresh_token: REFRESH_TOKEN,
    },
  ],
  [
    'Feishu: JSON with app_id and app_secret',
    {
      token_request_format: 'json',
      token_parameters: { app_id: '{client_id}', app_secret: '{client_secret}' },
    },
    {
      grant_type: 'authorization_code',
      client_id: 'client-1',
      app_id: 'client-1',
      app_secret: SECRET,
      code: CODE,
      code_verifier: VERIFIER,
      redirect_uri: REDIRECT_URI,
    },
    {
      grant_type: 'refresh_token',
      client_id: 'client-1',
      app_id: 'client-1',
      app_secret: SECRET,
      refresh_token: REFRESH_TOKEN,
    },
  ],
  [
    'QQ: answers in JSON only if asked to, the secret in the body as usual',
    { token_endpoint_auth_method: 'client_secret_post', token_parameters: { fmt: 'json' } },
    {
      grant_type: 'authorization_code',
      client_id: 'client-1',
      client_secret: SECRET,
      fmt: 'json',
      code: CODE,
      code_verifier: VERIFIER,
      redirect_uri: REDIRECT_URI,
    },
    {
      grant_type: 'refresh_token',
      client_id: 'client-1',
      client_secret: SECRET,
      fmt: 'json',
      refresh_token: REFRESH_TOKEN,
    },
  ],
  [
    'a value around a placeholder, and a text in braces',
    {
      token_endpoint_auth_method: 'none',
      token_parameters: {
        proof: 'v1:{client_id}:{client_secret}',
        tenant: '{{tenant}}',
        never: 'x{refresh_token}{code}',
      },
    },
    {
      grant_type: 'authorization_code',
      client_id: 'client-1',
      proof: `v1:client-1:${SECRET}`,
      tenant: '{tenant}',
      code: CODE,
      code_verifier: VERIFIER,
      redirect_uri: REDIRECT_URI,
    },
    {
      grant_type: 'refresh_token',
      client_id: 'client-1',
      proof: `v1:client-1:${SECRET}`,
      tenant: '{tenant}',
      refresh_token: REFRESH_TOKEN,
    },
  ],
]

describe.each(VENDORS)('%s', (_name, entry, code, refresh) => {
  test('the requests, and no Authorization header', async () => {
    const server = await start(entry)
    expect(await server.redeem()).toEqual(code)
    expect(await server.refresh()).toEqual(refresh)
    expect(server.fake.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined])
  })

  test('no secret is in the authorization URL', async () => {
    const { authorize } = await start(entry)
    expect((await authorize()).toString()).not.toMatch(/canary/)
  })

  test('whatever comes back of it is masked, in the refusal and in the transcript', async () => {
    const { fake, servers, profile, transcript } = await start(entry)
    fake.routes.set('/token', (request, response) =>
      json({ error: 'invalid_request', error_description: `You sent ${request.body}` }, 400)(
        request,
        response,
      ),
    )
    const grant = {
      code: new Secret(CODE),
      codeVerifier: new Secret(VERIFIER),
      redirectUri: REDIRECT_URI,
      nonce: null,
      transcript,
    }
    const failure = await failureOf(servers.redeem(profile, grant))
    expect(failure.errorDescription).toContain('You sent')
    expect(JSON.stringify([failure.errorDescription, failure.detail, transcript.exchanges])).not.toMatch(
      /canary/,
    )
    const outcome = await servers.refresh(profile, tokenResponse({ refreshToken: new Secret(REFRESH_TOKEN) }))
    expect(JSON.stringify('error' in outcome ? outcome.error.errorDescription : '')).not.toMatch(/canary/)
  })
})

test('a secret under a name that is shown is masked in the transcript, and in the scope of the answer', async () => {
  const entry = {
    token_endpoint_auth_method: 'none',
    code_challenge_method: 'S256',
    token_parameters: {
      audience: '{client_secret}',
      scope: 'x-{code}',
      prompt: '{code_verifier}',
      code: '',
      code_verifier: '',
    },
  } as const
  const { transcript, redeem, servers, profile, fake } = await start(entry)
  expect(await redeem()).toMatchObject({ audience: SECRET, scope: `x-${CODE}`, prompt: VERIFIER })
  expect(JSON.stringify(transcript.exchanges)).not.toMatch(/canary/)
  expect(transcript.exchanges[0]?.sent).toMatchObject({ client_id: 'client-1', redirect_uri: REDIRECT_URI })
  fake.routes.set(
    '/token',
    json({ access_token: 't', token_type: 'Bearer', scope: `a ${SECRET} ${CODE} ${VERIFIER}` }),
  )
  const grant = {
    code: new Secret(CODE),
    codeVerifier: new Secret(VERIFIER),
    redirectUri: REDIRECT_URI,
    nonce: null,
  }
  expect((await servers.redeem(profile, grant)).scope).not.toMatch(/canary/)
})

test('what is no secret under its own name is none under another', async () => {
  const { redeem, transcript } = await start(
    { token_parameters: { redirectUri: '{redirect_uri}', grantType: 'authorization_code' } },
    {
      error: 'invalid_request',
      error_description: `redirectUri ${REDIRECT_URI}, grantType authorization_code`,
    },
  )
  await redeem()
  expect(transcript.exchanges[0]?.answered['error_description']).toBe(
    `redirectUri ${REDIRECT_URI}, grantType authorization_code`,
  )
})

describe('authorization_redirect_uri', () => {
  const entry = {
    authorization_redirect_uri: 'Name_Of-Nobody-1234',
    refresh_parameters: { redirect_uri: '{redirect_uri}' },
    authorization_parameters: { back: '{redirect_uri}' },
  } as const

  test.each(['http://127.0.0.1:8252/callback/a', 'http://127.0.0.1:0/callback/a'])(
    'is sent in all requests, while the browser comes back to %s',
    async (redirect_uri) => {
      const { authorize, redeem, refresh } = await start({ ...entry, redirect_uri })
      const bound = redirect_uri.replace(':0', ':40000')
      const name = 'Name_Of-Nobody-1234'
      expect(Object.fromEntries(await authorize(bound))).toMatchObject({ redirect_uri: name, back: name })
      expect(await redeem(bound)).toMatchObject({ redirect_uri: name })
      expect(await refresh()).toMatchObject({ redirect_uri: name })
    },
  )
})

test('the challenge of a server that expects hex (SHA-256 of RFC 7636 appendix B)', async () => {
  const hex = createHash('sha256').update(VERIFIER).digest('hex')
  const { authorize } = await start({ code_challenge_encoding: 'hex' })
  expect(Object.fromEntries(await authorize())).toMatchObject({
    code_challenge: hex,
    code_challenge_method: 'S256',
  })
  const plain = await start({ code_challenge_encoding: 'hex', code_challenge_method: 'plain' })
  expect((await plain.authorize()).get('code_challenge')).toBe(VERIFIER)
})

describe('device requests', () => {
  const DEVICE = {
    device_code: 'device-1',
    user_code: 'AB-CD',
    verification_uri: 'https://as.example/d',
    expires_in: 600,
  }

  async function device(entry: ProfileEntry) {
    const scene = await start({ grant: 'urn:ietf:params:oauth:grant-type:device_code', ...entry })
    const { fake, profile, servers } = scene
    fake.routes.set('/device', json(DEVICE))
    const authorization = await servers.authorizeDevice(profile)
    const begun = fake.form()
    await servers.pollDevice(profile, authorization)
    return { begun, polled: fake.form() }
  }

  test.each<[ProfileEntry['authorization_parameters'], object]>([
    [{ audience: 'https://api.example' }, { audience: 'https://api.example' }],
    [{ resource: 'https://api.example' }, { resource: 'https://api.example' }],
    [{ client_key: '{client_id}', back: '{redirect_uri}' }, { client_key: 'client-1' }],
    [{ scope: 'other' }, { scope: 'other' }],
  ])('authorization_parameters %j', async (authorization_parameters, sent) => {
    const { begun, polled } = await device({ authorization_parameters })
    expect(begun).toMatchObject(sent)
    expect(begun).not.toHaveProperty('back')
    expect(begun).not.toHaveProperty('code_challenge')
    expect(polled).not.toHaveProperty('audience')
    expect(polled).not.toHaveProperty('code_verifier')
  })

  test('a server that requires PKCE is a refusal that names the setting', async () => {
    const { fake, servers, profile } = await start({ grant: 'urn:ietf:params:oauth:grant-type:device_code' })
    const refused = {
      error: 'invalid_request',
      error_description: 'Missing parameter: code_challenge_method',
    }
    fake.routes.set('/device', json(refused, 400))
    const failure = await failureOf(servers.authorizeDevice(profile))
    expect(failure).toMatchObject({ code: 'provider_refused', error: 'invalid_request' })
    expect(failure.detail).toContain('Set code_challenge_method to S256.')
    expect(failure.next).toBe('catchd profile edit a')
    const told = await failureOf(servers.authorizeDevice({ ...profile, code_challenge_method: 'S256' }))
    expect(told.detail).not.toContain('PKCE')
    fake.routes.set('/device', json({ error: 'invalid_client' }, 401))
    expect((await failureOf(servers.authorizeDevice(profile))).detail).not.toContain('PKCE')
  })

  test.each(['S256', 'plain'] as const)(
    'PKCE with %s, if the profile sets it',
    async (code_challenge_method) => {
      const { begun, polled } = await device({ code_challenge_method })
      const verifier = polled['code_verifier'] ?? ''
      expect(verifier).toMatch(/^[\w-]{43}$/)
      const challenge = createHash('sha256').update(verifier).digest('base64url')
      expect(begun).toMatchObject({
        code_challenge: code_challenge_method === 'plain' ? verifier : challenge,
        code_challenge_method,
      })
    },
  )
})
