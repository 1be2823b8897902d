import { expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { LastKnownHealth } from '../../src/vault/last-known-health.js'
import { healthIn, type VaultHealth } from '../../src/vault/vault.js'

const TROUBLE = {
  ok: undefined,
  locked: new CatchdError('vault_locked'),
  unavailable: new CatchdError('vault_unavailable'),
} as const satisfies Record<VaultHealth, unknown>

const tell = async (told: LastKnownHealth) => healthIn(await told.tell())

/** A vault that says how it is when the test lets it. */
class SlowVault {
  asked = 0
  answer: (health: VaultHealth) => void = () => {}

  findTrouble(): Promise<CatchdError | undefined> {
    this.asked += 1
    return new Promise((resolve) => {
      this.answer = (health) => resolve(TROUBLE[health])
    })
  }
}

async function known(health: VaultHealth) {
  const vault = new SlowVault()
  const told = new LastKnownHealth(() => vault.findTrouble())
  const first = told.tell()
  vault.answer(health)
  await first
  return { vault, told }
}

test('the first answer is waited for', async () => {
  const vault = new SlowVault()
  const told = tell(new LastKnownHealth(() => vault.findTrouble()))
  setTimeout(() => vault.answer('locked'), 60)
  expect(await told).toBe('locked')
})

test('an answer that comes soon is told, whatever was known', async () => {
  const { vault, told } = await known('ok')
  const health = tell(told)
  vault.answer('locked')
  expect(await health).toBe('locked')
})

test('a vault that takes its time is told as last known, is asked once, and its answer counts from then on', async () => {
  const { vault, told } = await known('ok')
  expect(await Promise.all([tell(told), tell(told)])).toEqual(['ok', 'ok'])
  expect(await tell(told)).toBe('ok')
  expect(vault.asked).toBe(2)
  vault.answer('unavailable')
  await new Promise(setImmediate)
  expect(await tell(told)).toBe('unavailable')
})

test.each([
  ['vault_locked', 'locked'],
  ['vault_unavailable', 'unavailable'],
  ['login_required', 'ok'],
] as const)('a call that ends in %s makes it %s', async (code, health) => {
  const { told } = await known('ok')
  await expect(told.watch(Promise.reject(new CatchdError(code)))).rejects.toMatchObject({ code })
  expect(await tell(told)).toBe(health)
})

test('a call that succeeds passes through', async () => {
  const { told } = await known('locked')
  expect(await told.watch(Promise.resolve('value'))).toBe('value')
})
