import { expect, test } from 'vitest'
import { ProofAnswer } from '../../../src/http/api/proofs.js'
import { ACCESS_TOKEN, issued, PROFILES, PROOF } from '../../support/composed-daemon.js'
import { openApi } from './opened-api.js'

const DPOP = { config: { profiles: { gw: { ...PROFILES.gw, dpop: true } } } }
const REQUEST = { method: 'GET', url: 'https://api.example.com/me?page=2' }

test('a proof comes with the token that it is for', async () => {
  const { call, logIn, effects } = await openApi(DPOP)
  await logIn('gw', { tokenType: 'DPoP' })
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
    context: {},
    dpop: PROOF,
  })
  expect(effects).toEqual([`prove gw ${JSON.stringify(body)}`, 'token.served admin gw'])
})

test.each([
  ['nothing', {}],
  ['a method in small letters', { ...REQUEST, method: 'get' }],
  ['an address that is no web page', { ...REQUEST, url: 'file:///x' }],
  ['a member that is not known', { ...REQUEST, x: 1 }],
  ['an empty nonce', { ...REQUEST, nonce: '' }],
])('%s is refused before a token is looked for', async (_what, body) => {
  const { call, logIn, effects } = await openApi(DPOP)
  await logIn('gw', { tokenType: 'DPoP' })
  expect((await call('POST', '/v1/tokens/gw/proof', { body })).problem().code).toBe('request_invalid')
  expect(effects).toEqual([])
})

test('a token that is due is refreshed before it is proved', async () => {
  const { call, logIn, servers, effects } = await openApi(DPOP)
  await logIn('gw', { tokenType: 'DPoP', expiresInSeconds: 30 })
  servers.refreshAnswer = () => ({ outcome: 'refreshed', response: issued({ tokenType: 'DPoP' }) })
  expect((await call('POST', '/v1/tokens/gw/proof', { body: REQUEST })).status).toBe(200)
  expect(effects[0]).toBe('refresh gw')
})

test('a profile without dpop has none', async () => {
  const { call, logIn, effects } = await openApi()
  await logIn('gw')
  const answer = await call('POST', '/v1/tokens/gw/proof', { body: REQUEST })
  expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
  expect(answer.problem().detail).toContain('dpop')
  expect(effects).toEqual([])
})

test('a token from before dpop was set is bound to no key', async () => {
  const { call, logIn, effects } = await openApi(DPOP)
  await logIn('gw', { tokenType: 'Bearer' })
  const answer = await call('POST', '/v1/tokens/gw/proof', { body: REQUEST })
  expect([answer.status, answer.problem().code]).toEqual([409, 'login_required'])
  expect(effects).toEqual([])
})
