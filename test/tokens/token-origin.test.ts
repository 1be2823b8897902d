/** A stored token set belongs to the server and client that it came from, also one of an earlier version. */
import { expect, test } from 'vitest'
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { parseTokenSet } from '../../src/tokens/token-set.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { codeOf, ITEM, start } from './keeper-harness.js'

/** As version 0.1.0 stored it: without the server. */
async function withEarlierSet(profile: Profile) {
  const scene = start(profile)
  await scene.keeper.keep('gw', scene.issued())
  const { server: _server, ...earlier } = JSON.parse(scene.vault.items.get(ITEM)?.reveal() ?? '{}')
  scene.vault.items.set(ITEM, new Secret(JSON.stringify(earlier)))
  const stored = () => parseTokenSet(scene.vault.items.get(ITEM) ?? new Secret('')).server
  expect(stored()).toBeNull()
  return { ...scene, keeper: scene.restart(), stored }
}

const WITH_ISSUER = { issuer: 'https://as.example' }

test('a set of an earlier version is bound to what its profile names when it is first read', async () => {
  const profile = testProfile({ ...WITH_ISSUER, revocation_endpoint: 'https://as.example/revoke' })
  const { keeper, profiles, stored } = await withEarlierSet(profile)
  expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
  await keeper.drain()
  const urls = {
    token_endpoint: 'https://as.example/token',
    revocation_endpoint: 'https://as.example/revoke',
  }
  expect(stored()).toEqual({ issuer: 'https://as.example', urls })
  profiles.set('gw', { ...profile, token_endpoint: 'https://other.example/token' })
  keeper.reconsider()
  const refused = await keeper.refresh('gw').catch((error: CatchdError) => error)
  expect(refused).toMatchObject({
    code: 'login_required',
    detail: expect.stringContaining(
      'token_endpoint changed from https://as.example/token to https://other.example/token',
    ),
  })
})

test('the profile changed before the first read: the set of an earlier version is not used', async () => {
  const { keeper, profiles, servers } = await withEarlierSet(testProfile())
  profiles.set('gw', testProfile({ token_endpoint: 'https://other.example/token' }))
  expect(await codeOf(keeper.refresh('gw'))).toBe('login_required')
  expect(servers.refreshed).toEqual([])
})

test('if a resource server names the issuer, the next refresh binds it', async () => {
  const { authorization_endpoint: _front, token_endpoint: _back, ...profile } = testProfile()
  const { keeper, stored, servers } = await withEarlierSet({
    ...profile,
    resource_server: 'https://api.example',
  })
  await keeper.get('gw', undefined)
  await keeper.drain()
  expect(stored()).toBeNull()
  const server = { issuer: 'https://as.example', urls: {} }
  servers.refreshAnswer = () => ({ outcome: 'refreshed', response: tokenResponse({ server }) })
  await keeper.refresh('gw')
  expect(stored()).toEqual(server)
})

test('a refresh does not bind the tokens to another server', async () => {
  const { keeper, servers, issued, vault } = start()
  const server = { issuer: null, urls: { token_endpoint: 'https://as.example/token' } }
  await keeper.keep('gw', { ...issued(), server })
  servers.refreshAnswer = () => ({
    outcome: 'refreshed',
    response: tokenResponse({
      server: { issuer: null, urls: { userinfo_endpoint: 'https://other.example' } },
    }),
  })
  await keeper.refresh('gw')
  expect(parseTokenSet(vault.items.get(ITEM) ?? new Secret('')).server).toEqual(server)
})

test('tokens of another server are not revoked there, and a logout says so', async () => {
  const profile = testProfile(WITH_ISSUER)
  const { keeper, profiles, servers, issued } = start(profile)
  await keeper.keep('gw', { ...issued(), server: { issuer: 'https://as.example', urls: {} } })
  profiles.set('gw', { ...profile, issuer: 'https://other.example' })
  keeper.reconsider()
  const outcome = await keeper.logout('gw')
  expect(outcome).toMatchObject({
    revoked: false,
    notRevoked: expect.stringContaining('https://other.example'),
  })
  expect(servers.revoked).toEqual([])
})

test('a refresh that only a login can help is not repeated ahead of expiry', async () => {
  const { keeper, servers, clock, issued } = start()
  await keeper.keep('gw', issued())
  const error = new CatchdError('login_required', 'The tokens belong to another server.')
  servers.refreshAnswer = () => ({ outcome: 'retry_later', error, retryAfterSeconds: null })
  await clock.pass(3_590_000)
  expect(servers.refreshed).toHaveLength(1)
  expect(await codeOf(keeper.refresh('gw'))).toBe('login_required')
  expect(servers.refreshed).toHaveLength(2)
})
