/** Logging out in the middle of things: nothing comes back, and the local removal never fails. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { type SeedSystem, startSeedSystem } from '../support/seed-system.js'

let system: SeedSystem

afterEach(() => system.stop())

const codeOfToken = async () => (await system.daemon.api('GET', '/v1/tokens/gw')).json['code']

test('while a login waits in the browser: its response comes to nothing', async () => {
  system = await startSeedSystem({ refreshTokens: true })
  const { daemon, gateway } = system
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
  const response = await system.approve(String(begun.json['authorization_url']))
  expect((await daemon.api('DELETE', '/v1/tokens/gw')).status).toBe(204)
  expect((await daemon.deliver(response)).status).toBeGreaterThanOrEqual(400)
  const { json } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}`)
  expect(json['status']).toBe('cancelled')
  expect(await codeOfToken()).toBe('login_required')
  expect(gateway.tokenRequests).toHaveLength(0)
})

test('while its code is being redeemed: the tokens are not kept', async () => {
  system = await startSeedSystem({ refreshTokens: true, onTokenRequest: () => delay(400) })
  const { daemon } = system
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
  const delivered = daemon.deliver(await system.approve(String(begun.json['authorization_url'])))
  const id = String(begun.json['login_id'])
  const status = async () => (await daemon.api('GET', `/v1/logins/${id}`)).json['status']
  await expect.poll(status).toBe('exchanging')
  expect((await daemon.api('DELETE', '/v1/tokens/gw')).status).toBe(204)
  await delivered
  expect(await status()).toBe('failed')
  expect(await codeOfToken()).toBe('login_required')
})

test('while the gateway is gone: forgotten here, and said what could not be done there', async () => {
  system = await startSeedSystem({ refreshTokens: true })
  const { daemon, gateway } = system
  await system.login()
  await gateway.close()
  const answer = await daemon.api('DELETE', '/v1/tokens/gw')
  expect(answer.status).toBe(204)
  expect(answer.headers['catchd-revoked']).toBe('false')
  expect(answer.headers['catchd-not-revoked']).toMatch(/.{10}/)
  expect(await codeOfToken()).toBe('login_required')
  await daemon.restart('SIGKILL')
  expect(await codeOfToken()).toBe('login_required')
})
