/**
 * `kill -9` at each step, the short form of `npm run soak`: nothing stored is lost, no code is redeemed twice, a refresh
 * token is tried at most once after a kill, and where a person is needed, one login is enough. Beside this file, so that they run at
 * the same time: crash-keychain.test.ts on a real keyring, crash-rotation.test.ts at real servers.
 */
import { expect, test } from 'vitest'
import { playMatrix, startScene } from '../soak/short-matrix.js'

test('killed at each step, sealed file', () => playMatrix('file'))

test('killed during a refresh, at a server that calls a second use theft: one try, then a person is needed, once', async () => {
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
  expect(scene.server.counts).toEqual({
    tokenRequests: tokenRequests + 1,
    codesRedeemedTwice: 0,
    refreshTokensTriedAgain: 1,
    refreshTokensReplayed: 0,
  })

  scene.server.lifetimeSeconds = 3_600
  await scene.login()
  expect((await scene.refresh()).status).toBe(200)
})

test('killed during a refresh, at a server with a grace period: nobody has to log in', async () => {
  const scene = await startScene('file', 'grace')
  await scene.login()
  const held = scene.server.newest?.accessToken
  const { received } = scene.server.watchNext({ hold: true })
  void scene.refresh().catch(() => {})
  await received
  await scene.daemon.kill()
  await scene.startAgain()
  const { tokenRequests } = scene.server.counts
  expect((await scene.token()).json['access_token']).toBe(held)
  expect(scene.server.counts).toMatchObject({ tokenRequests })
  expect((await scene.refresh()).status).toBe(200)
  expect((await scene.refresh()).status).toBe(200)
  expect(scene.server.counts).toMatchObject({ refreshTokensTriedAgain: 1, refreshTokensReplayed: 0 })
})

test('killed again during the one try: it is not sent a third time', async () => {
  const scene = await startScene('file', 'grace')
  await scene.login()
  for (const kill of ['in the refresh', 'in the try']) {
    const { received } = scene.server.watchNext({ hold: true })
    void scene.refresh().catch(() => {})
    await received
    await scene.daemon.kill()
    await scene.startAgain()
    expect((await scene.token()).status, kill).toBe(200)
  }
  for (const _ of [1, 2]) {
    expect(await scene.refresh()).toMatchObject({ status: 409, json: { code: 'login_required' } })
  }
  expect(scene.server.counts).toMatchObject({ refreshTokensTriedAgain: 1, refreshTokensReplayed: 0 })
  await scene.login()
  expect((await scene.refresh()).status).toBe(200)
})
