/** The matrix in few rounds, as `npm test` plays it. */
import { expect, onTestFinished } from 'vitest'
import type { LastingVault } from '../../src/vault/vault-kinds.js'
import type { Rotation } from './counting-server.js'
import { formatTallies, playStep, type StepTally } from './crash-matrix.js'
import { CRASH_STEPS } from './crash-steps.js'
import { Scene } from './scene.js'

const ROUNDS = 2

/** A scene of the running test. */
export async function startScene(vault: LastingVault, rotation: Rotation = 'strict'): Promise<Scene> {
  const scene = await Scene.start(vault, rotation)
  onTestFinished(() => scene.stop())
  return scene
}

export async function playMatrix(vault: LastingVault): Promise<void> {
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
  expect(byStep.get('stored, page unsent')).toMatchObject({ loginRequired: 0, triedAgain: 0 })
  expect(byStep.get('refresh handed out')).toMatchObject({ loginRequired: 0, triedAgain: 0 })
  // An answer that may exist and that nobody has: only a person can help.
  expect(byStep.get('token request sent')).toMatchObject({ loginsCutOff: ROUNDS })
  expect(byStep.get('refresh sent, unanswered')).toMatchObject({ triedAgain: ROUNDS, loginRequired: ROUNDS })
}
