/** Proofs of possession (DPoP, RFC 9449): what is in them, nonces, and tokens that are not bound to the key. */
import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { DpopKey, DpopKeys } from '../../src/authorization-server/dpop.js'
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { tokenSetFrom } from '../../src/tokens/token-set.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import {
  authorizationServers,
  type FakeServer,
  failureOf,
  type Handler,
  json,
  memoryKeys,
  type Seen,
  startFakeServer,
} from './fake-server.js'

const TOKENS = { access_token: 'access-1', token_type: 'DPoP', expires_in: 60, refresh_token: 'refresh-1' }
const REQUEST = {
  redirectUri: 'http://127.0.0.1:8252/callback/gw',
  state: new Secret('state-1'),
  codeVerifier: new Secret('verifier-1'),
  nonce: null,
}
const GRANT = { ...REQUEST, code: new Secret('code-1') }

let server: FakeServer
beforeEach(async () => {
  server = await startFakeServer()
  server.routes.set('/token', json(TOKENS))
})

const profileOf = (changes: Partial<Profile> = {}) =>
  testProfile({
    authorization_endpoint: `${server.base}/authorize`,
    token_endpoint: `${server.base}/token`,
    dpop: true,
    ...changes,
  })

/** As a server checks it (§4.3), with the key that it names. */
async function verified(request: Seen | undefined) {
  const proof = String(request?.headers['dpop'])
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt' })
  const { jwk } = protectedHeader
  if (jwk === undefined) throw new Error('The proof names no key.')
  return { payload, protectedHeader, thumbprint: await calculateJwkThumbprint(jwk) }
}

/** Refuses whoever does not know its nonce, and says it. */
const wanting =
  (nonce: string, then: Handler): Handler =>
  (request, response) => {
    const [, payload = ''] = String(request.headers['dpop']).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { nonce?: string }
    if (claims.nonce === nonce) return then(request, response)
    json({ error: 'use_dpop_nonce', error_description: 'a nonce is needed' }, 400, { 'dpop-nonce': nonce })(
      request,
      response,
    )
  }

describe('a proof', () => {
  test('names the key, the request, the token and the nonce, and nothing private', async () => {
    const { key } = DpopKey.generate()
    const proof = key.proof(
      {
        method: 'POST',
        url: 'https://API.example.com:443/a/b?page=2#part',
        accessToken: new Secret('access-1'),
        nonce: 'n-1',
      },
      1_767_225_600_900,
    )
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      currentDate: new Date(1_767_225_600_000),
    })
    expect(protectedHeader).toEqual({
      alg: 'ES256',
      typ: 'dpop+jwt',
      jwk: { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String) },
    })
    expect(payload).toEqual({
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      htm: 'POST',
      htu: 'https://api.example.com/a/b',
      iat: 1_767_225_600,
      nonce: 'n-1',
      ath: createHash('sha256').update('access-1').digest('base64url'),
    })
    expect(key.thumbprint).toBe(await calculateJwkThumbprint(protectedHeader.jwk ?? { kty: '' }))
  })

  test('is another one each time', () => {
    const { key } = DpopKey.generate()
    const make = () => key.proof({ method: 'GET', url: 'https://a.example/' }, 0).split('.')[1]
    expect(make()).not.toBe(make())
  })

  test('a key does not print', () => {
    const { key, record } = DpopKey.generate()
    expect(JSON.stringify([key, record])).not.toContain('"d"')
  })
})

describe('the key of a profile', () => {
  test('is made once, however many ask, and is in the vault before it is used', async () => {
    const items = new Map<string, Secret>()
    const keys = new DpopKeys(memoryKeys(items))
    const [one, two] = await Promise.all([keys.of('gw'), keys.of('gw')])
    expect(one).toBe(two)
    expect([...items.keys()]).toEqual(['gw'])
    const later = await new DpopKeys(memoryKeys(items)).of('gw')
    expect(later.thumbprint).toBe(one.thumbprint)
    expect((await keys.of('corp')).thumbprint).not.toBe(one.thumbprint)
  })

  test('one that cannot be stored is not used, and the next question tries again', async () => {
    const items = memoryKeys()
    let isLocked = true
    const keys = new DpopKeys({
      ...items,
      set: async (profile, key) => {
        if (isLocked) throw new CatchdError('vault_locked')
        await items.set(profile, key)
      },
    })
    expect(await failureOf(keys.of('gw'))).toMatchObject({ code: 'vault_locked' })
    isLocked = false
    expect(await keys.of('gw')).toBeInstanceOf(DpopKey)
  })

  test('a forgotten one is gone, also while it was being made, and the next is another', async () => {
    const items = new Map<string, Secret>()
    const keys = new DpopKeys(memoryKeys(items))
    const first = keys.of('gw')
    await keys.forget('gw')
    expect(items.size).toBe(0)
    expect((await keys.of('gw')).thumbprint).not.toBe((await first).thumbprint)
  })

  test.each(['', '{}', '{"version":1,"jwk":{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"hidden-word"}}'])(
    'an item that is no key is not quoted: %j',
    async (item) => {
      const keys = new DpopKeys(memoryKeys(new Map([['gw', new Secret(item)]])))
      const failure = await failureOf(keys.of('gw'))
      expect(failure).toMatchObject({ code: 'vault_unavailable', next: 'catchd logout gw' })
      expect(failure.detail).not.toContain('hidden-word')
    },
  )
})

describe('a login', () => {
  test('binds the code to the key, redeems it with a proof, and refreshes with the same key', async () => {
    const servers = authorizationServers()
    const { authorizationUrl } = await servers.prepare(profileOf(), REQUEST, false)
    const response = await servers.redeem(profileOf(), GRANT)
    const redeemed = await verified(server.seen.at(-1))
    expect(response.tokenType).toBe('DPoP')
    expect(new URL(authorizationUrl).searchParams.get('dpop_jkt')).toBe(redeemed.thumbprint)
    expect(redeemed.payload).toMatchObject({ htm: 'POST', htu: `${server.base}/token` })
    expect(redeemed.payload['ath']).toBeUndefined()

    const set = tokenSetFrom(response, servers.origin(profileOf()), null, 0)
    expect(await servers.refresh(profileOf(), set)).toMatchObject({ outcome: 'refreshed' })
    expect((await verified(server.seen.at(-1))).thumbprint).toBe(redeemed.thumbprint)
  })

  test('a pushed request has a proof too', async () => {
    server.routes.set('/par', json({ request_uri: 'urn:example:1', expires_in: 60 }, 201))
    const profile = profileOf({ pushed_authorization_request_endpoint: `${server.base}/par` })
    await authorizationServers().prepare(profile, REQUEST, false)
    const { thumbprint, payload } = await verified(server.seen.at(-1))
    expect(payload['htu']).toBe(`${server.base}/par`)
    expect(server.form()['dpop_jkt']).toBe(thumbprint)
  })

  test('a profile without dpop sends no proof and names no key', async () => {
    server.routes.set('/token', json({ ...TOKENS, token_type: 'Bearer' }))
    const servers = authorizationServers()
    const { authorizationUrl } = await servers.prepare(profileOf({ dpop: false }), REQUEST, false)
    await servers.redeem(profileOf({ dpop: false }), GRANT)
    expect(authorizationUrl).not.toContain('dpop_jkt')
    expect(server.seen.at(-1)?.headers['dpop']).toBeUndefined()
  })

  test('a server that takes no ES256 is refused before a browser opens', async () => {
    server.routes.set(
      '/.well-known/openid-configuration',
      json({ issuer: server.base, dpop_signing_alg_values_supported: ['RS256'] }),
    )
    const failure = await failureOf(
      authorizationServers().prepare(profileOf({ issuer: server.base }), REQUEST, false),
    )
    expect(failure).toMatchObject({ code: 'profile_invalid' })
    expect(failure.detail).toContain('ES256')
  })
})

describe('a nonce', () => {
  test('that the server asks for is in the second request, and the code was refused, not redeemed, before', async () => {
    let redeemed = 0
    server.routes.set(
      '/token',
      wanting('nonce-1', (request, response) => {
        redeemed += 1
        json(TOKENS)(request, response)
      }),
    )
    const servers = authorizationServers()
    await servers.redeem(profileOf(), GRANT)
    expect([server.seen.length, redeemed]).toEqual([2, 1])
    const [first, second] = await Promise.all(server.seen.map(verified))
    expect(first?.payload['nonce']).toBeUndefined()
    expect(second?.payload['nonce']).toBe('nonce-1')
    expect(first?.payload.jti).not.toBe(second?.payload.jti)

    // Known from then on: the refresh needs one request.
    const set = tokenSetFrom(tokenResponse(), servers.origin(profileOf()), null, 0)
    await servers.refresh(profileOf(), set)
    expect(server.seen).toHaveLength(3)
  })

  test('that comes with a good answer is used next (§8.2)', async () => {
    server.routes.set('/token', json(TOKENS, 200, { 'dpop-nonce': 'nonce-2' }))
    const servers = authorizationServers()
    await servers.redeem(profileOf(), GRANT)
    await servers.redeem(profileOf(), GRANT)
    expect((await verified(server.seen.at(-1))).payload['nonce']).toBe('nonce-2')
  })

  test('a client assertion is made anew for the second request', async () => {
    server.routes.set('/token', wanting('nonce-1', json(TOKENS)))
    const profile = profileOf({ token_endpoint_auth_method: 'client_secret_jwt' })
    await authorizationServers({ secret: 'a secret that is long enough to sign with' }).redeem(profile, GRANT)
    const [first, second] = server.seen.map(({ body }) => new URLSearchParams(body).get('client_assertion'))
    expect(first).not.toBe(second)
  })

  test('that is never enough ends the login after two requests', async () => {
    let count = 0
    server.routes.set('/token', (request, response) => {
      count += 1
      json({ error: 'use_dpop_nonce' }, 400, { 'dpop-nonce': `nonce-${count}` })(request, response)
    })
    const failure = await failureOf(authorizationServers().redeem(profileOf(), GRANT))
    expect(failure).toMatchObject({ code: 'provider_refused', error: 'use_dpop_nonce' })
    expect(count).toBe(2)
  })

  test('that is asked for and not given ends the login after one request', async () => {
    server.routes.set('/token', json({ error: 'use_dpop_nonce' }, 400))
    const failure = await failureOf(authorizationServers().redeem(profileOf(), GRANT))
    expect(failure).toMatchObject({ code: 'provider_answer_invalid' })
    expect(server.seen).toHaveLength(1)
  })

  test('beside any other refusal does not send the code again', async () => {
    server.routes.set('/token', json({ error: 'invalid_grant' }, 400, { 'dpop-nonce': 'nonce-1' }))
    const failure = await failureOf(authorizationServers().redeem(profileOf(), GRANT))
    expect(failure).toMatchObject({ code: 'provider_refused', error: 'invalid_grant' })
    expect(server.seen).toHaveLength(1)
  })
})

describe('tokens of the wrong type', () => {
  test('a bearer token is not taken where the profile binds its tokens', async () => {
    server.routes.set('/token', json({ ...TOKENS, token_type: 'Bearer' }))
    const failure = await failureOf(authorizationServers().redeem(profileOf(), GRANT))
    expect(failure).toMatchObject({ code: 'provider_answer_invalid', profile: 'gw' })
    expect(failure.detail).toContain('not bound')
  })

  test('a bound token is not taken where nobody has its key', async () => {
    const failure = await failureOf(authorizationServers().redeem(profileOf({ dpop: false }), GRANT))
    expect(failure).toMatchObject({ code: 'provider_answer_invalid' })
    expect(failure.detail).toContain('binds its tokens to a key')
    expect(failure.evidence?.tokenType).toBe('DPoP')
  })

  test('a refresh that gives a bearer token gives none, and keeps its refresh token', async () => {
    server.routes.set('/token', json({ ...TOKENS, token_type: 'Bearer', refresh_token: 'refresh-2' }))
    const servers = authorizationServers()
    const set = tokenSetFrom(tokenResponse({ tokenType: 'DPoP' }), servers.origin(profileOf()), null, 0)
    const kept: string[] = []
    const outcome = await servers.refresh(profileOf(), set, async (token) => void kept.push(token.reveal()))
    expect(outcome).toMatchObject({
      outcome: 'retry_later',
      error: { code: 'provider_answer_invalid', detail: expect.stringContaining('not bound') },
    })
    expect(kept).toEqual(['refresh-2'])
  })
})

test('a proof for a tool is bound to its token, with the key that the tokens are bound to', async () => {
  const servers = authorizationServers()
  await servers.redeem(profileOf(), GRANT)
  const { thumbprint } = await verified(server.seen.at(-1))
  const proof = await servers.prove(profileOf(), new Secret('access-1'), {
    method: 'GET',
    url: 'https://api.example.com/me?page=2',
    nonce: 'from the resource server',
  })
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK)
  expect(await calculateJwkThumbprint(protectedHeader.jwk ?? { kty: '' })).toBe(thumbprint)
  expect(payload).toMatchObject({
    htm: 'GET',
    htu: 'https://api.example.com/me',
    nonce: 'from the resource server',
    ath: createHash('sha256').update('access-1').digest('base64url'),
  })
})
