/**
 * The long form of the crash tests (docs/durability.md): the kill -9 matrix, the window that cannot be closed, and
 * rotation at real authorization servers with kills in between. Ends with exit code 1 when a promise was broken.
 *
 * npm run soak -- [--rounds 50] [--vault file|keychain] [--step TEXT] [--windows 50] [--only matrix|windows|rotation]
 *   [--grace]: the server takes a rotated refresh token once more
 */
import { parseArgs } from 'node:util'
import { LASTING_VAULTS, type LastingVault } from '../src/vault/vault-kinds.js'
import { formatTallies, isAsPromised, playStep, type StepTally } from '../test/soak/crash-matrix.js'
import { CRASH_STEPS } from '../test/soak/crash-steps.js'
import { formatRotation, rotateAtGlewlwyd, rotateAtOidcProvider } from '../test/soak/rotation.js'
import { Scene } from '../test/soak/scene.js'
import { formatWindows, measureWindows } from '../test/soak/storing-window.js'
import { withoutGlewlwyd } from '../test/support/glewlwyd.js'
import { keyringReason } from '../test/support/keyring.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    windows: { type: 'string', default: '50' },
    vault: { type: 'string' },
    step: { type: 'string', default: '' },
    only: { type: 'string' },
    grace: { type: 'boolean', default: false },
  },
})

const vaults = LASTING_VAULTS.filter(
  (vault) => (values.vault ?? vault) === vault && (vault === 'file' || keyringReason === undefined),
)
let isBroken = false
for (const vault of vaults) await soak(vault)
if (isWanted('rotation')) await rotateAtRealServers()
process.exitCode = isBroken ? 1 : 0

function isWanted(part: string): boolean {
  return (values.only ?? part) === part
}

async function soak(vault: LastingVault): Promise<void> {
  const scene = await Scene.start(vault, values.grace ? 'grace' : 'strict')
  try {
    if (isWanted('windows')) {
      console.log('\nFrom the last byte of the answer until it is stored:')
      console.log(formatWindows(await measureWindows(scene, Number(values.windows))))
    }
    if (isWanted('matrix')) await playMatrix(scene)
  } finally {
    await scene.stop()
  }
}

async function playMatrix(scene: Scene): Promise<void> {
  const tallies: StepTally[] = []
  for (const step of CRASH_STEPS) {
    if ((step.only ?? scene.vault) !== scene.vault || !step.name.includes(values.step)) continue
    process.stderr.write(`${scene.vault}: ${step.name}\n`)
    tallies.push(await playStep(scene, step, Number(values.rounds)))
  }
  console.log(`\n${formatTallies(tallies)}`)
  isBroken ||= !tallies.every(isAsPromised)
}

async function rotateAtRealServers(): Promise<void> {
  const plan = {
    refreshes: 20,
    killAfter: [5, 10, 15],
    killWithinMs: Array.from({ length: 20 }, (_, index) => 2 * index),
  }
  const servers = [rotateAtOidcProvider, ...(withoutGlewlwyd === undefined ? [rotateAtGlewlwyd] : [])]
  console.log('\nRotation at real servers:')
  for (const rotate of servers) {
    const result = await rotate(plan)
    console.log(formatRotation(result))
    isBroken ||= result.reuseDetected > result.loginRequired
  }
}
