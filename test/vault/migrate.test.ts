import { expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { MemoryVault } from '../../src/vault/memory-vault.js'
import { migrateVault } from '../../src/vault/migrate.js'
import type { Vault } from '../../src/vault/vault.js'
import { VaultSlot } from '../../src/vault/vault-slot.js'

const NAMES = ['client-secret/gw', 'login/1', 'token-set/gw']

async function filled(): Promise<MemoryVault> {
  const vault = new MemoryVault()
  for (const name of NAMES) await vault.set(name, new Secret(`value of ${name}`))
  return vault
}

async function contents(vault: Vault): Promise<Record<string, string | undefined>> {
  const entries = (await vault.names()).map(
    async (name) => [name, (await vault.get(name))?.reveal()] as const,
  )
  return Object.fromEntries(await Promise.all(entries))
}

/** Fails every call from the given one on, in all vaults that share the counter. */
function dying(vault: Vault, counter: { left: number }): Vault {
  const alive = () => {
    if (counter.left-- <= 0) throw new CatchdError('vault_unavailable')
    return vault
  }
  return {
    kind: vault.kind,
    engine: vault.engine,
    get: async (name) => alive().get(name),
    set: async (name, value) => alive().set(name, value),
    delete: async (name) => alive().delete(name),
    names: async () => alive().names(),
    findTrouble: () => vault.findTrouble(),
    close: () => vault.close(),
  }
}

test('every item is carried over, and the source is empty afterwards', async () => {
  const [from, to] = [await filled(), new MemoryVault()]
  const everything = await contents(from)
  expect(await migrateVault(from, to)).toBe(3)
  expect(await contents(to)).toEqual(everything)
  expect(await from.names()).toEqual([])
})

test('interrupted at any step nothing is lost, and a second run finishes', async () => {
  const everything = await contents(await filled())
  let interrupted = 0
  for (let calls = 0; ; calls += 1) {
    const [from, to, counter] = [await filled(), new MemoryVault(), { left: calls }]
    let inUse: Vault = from
    const finished = await migrateVault(dying(from, counter), dying(to, counter), async () => {
      inUse = to
    }).then(
      () => true,
      () => false,
    )
    if (finished) break
    interrupted += 1
    expect(await contents(inUse)).toEqual(everything)
    await migrateVault(from, to)
    expect(await contents(to)).toEqual(everything)
    expect(await from.names()).toEqual([])
  }
  expect(interrupted).toBeGreaterThan(10)
})

test('a target that does not give back what it took keeps the source whole', async () => {
  const from = await filled()
  const forgetful = new MemoryVault()
  forgetful.get = async () => new Secret('something else')
  await expect(migrateVault(from, forgetful)).rejects.toMatchObject({ code: 'vault_unavailable' })
  expect(await from.names()).toEqual(NAMES)
})

test('a vault is not migrated to itself: emptying the source would lose everything', async () => {
  const items = await filled()
  const asFile = (): Vault => ({ ...dying(items, { left: Number.POSITIVE_INFINITY }), kind: 'file' })
  expect(await migrateVault(asFile(), asFile())).toBe(0)
  expect(await items.names()).toEqual(NAMES)
})

test('changes made while the items move land in the new vault, and everything is there', async () => {
  const [from, to] = [await filled(), new MemoryVault()]
  const slot = new VaultSlot(from, () => from)
  let remembered = 0
  const before = slot.set('login/2', new Secret('just before'))
  const moving = slot.migrate(to, async () => {
    remembered += 1
    expect(await from.names(), 'nothing is deleted before the choice is remembered').toHaveLength(4)
  })
  const during = [slot.set('token-set/gw', new Secret('rotated')), slot.delete('login/1')]
  expect((await slot.get('client-secret/gw'))?.reveal()).toBe('value of client-secret/gw')
  expect(await moving).toBe(4)
  await Promise.all([before, ...during])
  expect(remembered).toBe(1)
  expect(await contents(to)).toEqual({
    'client-secret/gw': 'value of client-secret/gw',
    'login/2': 'just before',
    'token-set/gw': 'rotated',
  })
  expect(await from.names()).toEqual([])
})

test('a migration that fails leaves the old vault in use, and changes go on', async () => {
  const from = await filled()
  const slot = new VaultSlot(from, () => from)
  const locked = dying(new MemoryVault(), { left: 2 })
  const moving = slot.migrate(locked, async () => {})
  const change = slot.set('token-set/gw', new Secret('rotated'))
  await expect(moving).rejects.toMatchObject({ code: 'vault_unavailable' })
  await change
  expect((await slot.get('token-set/gw'))?.reveal()).toBe('rotated')
  expect((await from.get('token-set/gw'))?.reveal()).toBe('rotated')
})
