import { expect, test } from 'vitest'
import { CatchdError } from '../../../src/failures.js'
import { ProofAnswer } from '../../../src/http/api/wire.js'
import { ACCESS_TOKEN, PROOF } from './fake-services.js'
import { openApi } from './opened-api.js'

const REQUEST = { method: 'GET', url: 'https://api.example.com/me?page=2' }

test('a proof comes with the token that it is for', async () => {
  const { call, services } = await openApi()
  const body = { ...REQUEST, nonce: 'nonce-1' }
  const answer = await call('POST', '/v1/tokens/gw/proof', { body })
  expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store'])
  expect(answer.json(ProofAnswer)).toEqual({
    access_token: ACCESS_TOKEN,
    token_type: 'DPoP',
    expires_in: 3600,
    expires_at: '2026-01-01T01:00:00Z',
    scope: 'email',
    profile: 'gw',
    dpop: PROOF,
  })
  expect(services.calls).toEqual([`proofs.prove gw ${JSON.stringify(body)}`])
})

test.each([
  ['nothing', {}],
  ['a method in small letters', { ...REQUEST, method: 'get' }],
  ['an address that is no web page', { ...REQUEST, url: 'file:///x' }],
  ['a member that is not known', { ...REQUEST, x: 1 }],
  ['an empty nonce', { ...REQUEST, nonce: '' }],
])('%s is refused before a token is looked for', async (_what, body) => {
  const { call, services } = await openApi()
  expect((await call('POST', '/v1/tokens/gw/proof', { body })).problem().code).toBe('request_invalid')
  expect(services.calls).toEqual([])
})

test('why there is no proof is said', async () => {
  const { call, services } = await openApi()
  services.trouble = new CatchdError('request_invalid', {
    profile: 'gw',
    detail: 'The profile has no `dpop`.',
  })
  const answer = await call('POST', '/v1/tokens/gw/proof', { body: REQUEST })
  expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
})
