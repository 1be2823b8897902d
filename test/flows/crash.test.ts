/**
 * `kill -9` at each step (DESIGN A7.4), the short form of `npm run soak`: nothing stored is lost, no code is
 * redeemed twice, no rotated refresh token is sent again, and where a person is needed, one login is enough.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { LastingVault } from '../../src/vault/vault-kinds.js'
import { formatTallies, playStep, type StepTally } from '../soak/crash-matrix.js'
import { CRASH_STEPS } from '../soak/crash-steps.js'
import { rotateAtGlewlwyd, rotateAtOidcProvider } from '../soak/rotation.js'
import { Scene } from '../soak/scene.js'
import { withoutGlewlwyd } from '../support/glewlwyd.js'
import { keyringReason } from '../support/keyring.js'

const ROUNDS = 2

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function startScene(vault: LastingVault): Promise<Scene> {
  const scene = await Scene.start(vault)
  cleanUps.push(() => scene.stop())
  return scene
}

async function playMatrix(vault: LastingVault): Promise<void> {
  const scene = await startScene(vault)
  const tallies: StepTally[] = []
  for (const step of CRASH_STEPS) {
    if (step.isLong !== true && (step.only ?? vault) === vault)
      tallies.push(await playStep(scene, step, ROUNDS))
  }
  console.info(formatTallies(tallies))
  for (const tally of tallies) {
    const clean = { lost: 0, redeemedTwice: 0, replayed: 0, trouble: [] }
    expect(tally, `${vault}, ${tally.step}`).toMatchObject({ rounds: ROUNDS, ...clean })
  }
  const byStep = new Map(tallies.map((tally) => [tally.step, tally]))
  // The kill is early enough to be seen by nobody, or late enough to be over.
  expect(byStep.get('URL issued')).toMatchObject({ loginsCutOff: 0, loginRequired: 0 })
  expect(byStep.get('stored, page unsent')).toMatchObject({ loginRequired: 0 })
  expect(byStep.get('refresh handed out')).toMatchObject({ loginRequired: 0 })
  // An answer that may exist and that nobody has: only a person can help.
  expect(byStep.get('token request sent')).toMatchObject({ loginsCutOff: ROUNDS })
  expect(byStep.get('refresh sent, unanswered')).toMatchObject({ loginRequired: ROUNDS })
}

test('killed at each step, sealed file', () => playMatrix('file'))

describe.skipIf(keyringReason !== undefined)('on a real keyring', () => {
  test('killed at each step', () => playMatrix('keychain'))
})

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

describe('twenty rotations with kills in between do not look like theft', () => {
  const plan = { refreshes: 20, killAfter: [10], killWithinMs: [0, 4, 8] }

  test('to oidc-provider', async () => {
    expect(await rotateAtOidcProvider(plan)).toMatchObject({ refreshes: 20, kills: 4, reuseDetected: 0 })
  })

  test.skipIf(withoutGlewlwyd !== undefined)('to glewlwyd', async () => {
    expect(await rotateAtGlewlwyd(plan)).toMatchObject({ refreshes: 20, kills: 4, reuseDetected: 0 })
  })
})
