/** What is written down of an exchange, and above all what is not. */
import { describe, expect, test } from 'vitest'
import { SentValues } from '../../src/authorization-server/sent-values.js'
import { browserExchange, Transcript } from '../../src/authorization-server/transcript.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import { authorizationServers, failureOf, json, startFakeServer } from './fake-server.js'

const CODE = 'canary-code-51c0'
const VERIFIER = 'canary-verifier-7f1e'
const SECRET = 'canary secret:+&%7'
const clock = { now: () => Date.parse('2026-01-01T00:00:00Z') }

async function redeem(method: 'client_secret_basic' | 'client_secret_post', answer: Parameters<typeof json>) {
  const fake = await startFakeServer()
  fake.routes.set('/token', json(...answer))
  const servers = authorizationServers({ secret: SECRET })
  const transcript = new Transcript(clock)
  const profile = testProfile({
    token_endpoint: `${fake.base}/token?tenant=canary-tenant`,
    client_secret: { keychain: true },
    token_endpoint_auth_method: method,
    token_parameters: { pin: 'canary-parameter' },
  })
  const redeemed = servers.redeem(profile, {
    code: new Secret(CODE),
    codeVerifier: new Secret(VERIFIER),
    nonce: null,
    redirectUri: 'http://127.0.0.1:8252/callback/gw',
    transcript,
  })
  return { fake, transcript, redeemed }
}

describe('a token request', () => {
  test('that was refused: parameters by name, the status and the error', async () => {
    const { fake, transcript, redeemed } = await redeem('client_secret_basic', [
      { error: 'invalid_client', error_description: 'no' },
      401,
    ])
    await failureOf(redeemed)
    expect(transcript.exchanges).toMatchObject([
      {
        method: 'POST',
        endpoint: `${fake.base.replace('http://', '')}/token`,
        sent: {
          grant_type: 'authorization_code',
          redirect_uri: 'http://127.0.0.1:8252/callback/gw',
          code: '[secret]',
          code_verifier: '[secret]',
          pin: '[secret]',
        },
        authorization: 'Basic',
        status: 401,
        answered: { error: 'invalid_client', error_description: 'no' },
        trouble: null,
      },
    ])
  })

  test.each(['client_secret_basic', 'client_secret_post'] as const)(
    'with %s, no secret is written down, wherever the server repeats it',
    async (method) => {
      const all = [
        CODE,
        VERIFIER,
        SECRET,
        encodeURIComponent(SECRET),
        new URLSearchParams({ v: SECRET }).toString().slice(2),
      ]
      const { transcript, redeemed } = await redeem(method, [
        { error: 'invalid_grant', error_description: `Bad: ${all.join(', ')} canary-parameter` },
        400,
      ])
      await failureOf(redeemed)
      const written = JSON.stringify(transcript.exchanges)
      expect(written).toContain('Bad: [secret]')
      expect(written).not.toContain('canary')
    },
  )

  test('that succeeded: which tokens came, not what they are', async () => {
    const { transcript, redeemed } = await redeem('client_secret_post', [
      {
        access_token: 'canary-access',
        token_type: 'Bearer',
        expires_in: 60,
        scope: 'a canary-access',
        canary: 'x',
      },
    ])
    await redeemed
    expect(transcript.exchanges[0]?.answered).toEqual({
      access_token: '[secret]',
      token_type: 'Bearer',
      expires_in: '60',
      scope: 'a [secret]',
    })
    expect(JSON.stringify(transcript.exchanges)).not.toContain('canary')
  })

  test('a member of an odd type is shown as JSON', async () => {
    const odd = { toString: null }
    const { transcript, redeemed } = await redeem('client_secret_post', [
      { access_token: 'canary-access', token_type: odd },
      200,
    ])
    expect((await redeemed.catch((error: unknown) => error)) as CatchdError).toMatchObject({
      code: 'provider_answer_invalid',
    })
    expect(transcript.exchanges[0]?.answered).toMatchObject({ token_type: '{"toString":null}' })
  })

  test('the difference of the clocks comes from the Date header', async () => {
    const { transcript, redeemed } = await redeem('client_secret_post', [
      { access_token: 'canary-access', token_type: 'Bearer' },
      200,
      { date: new Date(clock.now() + 900_000).toUTCString() },
    ])
    await redeemed
    expect(transcript.exchanges[0]?.clockDifferenceSeconds).toBe(-900)
  })
})

test('an exchange without an answer says why', async () => {
  const transcript = new Transcript(clock)
  const request = {
    method: 'GET',
    url: 'https://as.example/x',
    parameters: undefined,
    authorization: undefined,
    sent: new SentValues(),
  }
  const watched = transcript.watch(request, () =>
    Promise.reject(new CatchdError('provider_unreachable', 'No way.')),
  )
  await failureOf(watched)
  expect(transcript.exchanges).toMatchObject([{ status: null, answered: {}, trouble: 'No way.' }])
})

test('no more than a few are kept', async () => {
  const transcript = new Transcript(clock)
  const request = {
    method: 'GET',
    url: 'https://as.example/x',
    parameters: undefined,
    authorization: undefined,
    sent: new SentValues(),
  }
  for (let count = 0; count < 50; count += 1) {
    await transcript.watch(request, async () => ({ status: 200, headers: {}, body: '{' }))
  }
  expect(transcript.exchanges).toHaveLength(8)
})

describe('the authorization request', () => {
  const URL_ =
    'https://as.example/authorize?client_id=c&scope=a%20b&state=canary-state&code_challenge=canary-challenge&login_hint=canary%40example'

  test('shows what was asked for, without state, challenge and names of people', () => {
    const { endpoint, sent, trouble } = browserExchange(URL_, undefined, new SentValues())
    expect(endpoint).toBe('as.example/authorize')
    expect(sent).toEqual({
      client_id: 'c',
      scope: 'a b',
      state: '[secret]',
      code_challenge: '[secret]',
      login_hint: '[secret]',
    })
    expect(trouble).toContain('No response')
  })

  test('and the error that came back, without what the server quoted', () => {
    const answer = {
      hasCode: false,
      error: 'invalid_request',
      errorDescription: 'state canary-state\r\nis odd',
    }
    const { answered } = browserExchange(URL_, answer, new SentValues().add(new Secret('canary-state')))
    expect(answered).toEqual({ error: 'invalid_request', error_description: 'state [secret] is odd' })
  })
})
