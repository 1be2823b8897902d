/**
 * `kill -9` at each step, the short form of `npm run soak`: nothing stored is lost, no code is redeemed twice, no rotated
 * refresh token is sent again, and where a person is needed, one login is enough. Beside this file, so that they run at
 * the same time: crash-keychain.test.ts on a real keyring, crash-rotation.test.ts at real servers.
 */
import { expect, test } from 'vitest'
import { playMatrix, startScene } from '../soak/short-matrix.js'

test('killed at each step, sealed file', () => playMatrix('file'))

test('killed while a refresh was under way: the access token is served until it expires, then a person is needed, once', async () => {
  const scene = await startScene('file')
  scene.server.lifetimeSeconds = 10 // it has to last until the daemon runs again
  await scene.login()
  const held = scene.server.newest?.accessToken
  const { received } = scene.server.watchNext({ hold: true })
  void scene.refresh().catch(() => {})
  await received
  await scene.daemon.kill()
  await scene.startAgain()
  const { tokenRequests } = scene.server.counts

  expect((await scene.token()).json['access_token']).toBe(held)
  await expect.poll(async () => (await scene.token()).status, { interval: 100 }).toBe(409)
  const answers = [await scene.token(), await scene.tokenAtExpiry(), await scene.refresh()]
  for (const { status, json } of answers) expect([status, json['code']]).toEqual([409, 'login_required'])
  expect(scene.server.counts).toEqual({ tokenRequests, codesRedeemedTwice: 0, refreshTokensReplayed: 0 })

  scene.server.lifetimeSeconds = 3_600
  await scene.login()
  expect((await scene.refresh()).status).toBe(200)
})
