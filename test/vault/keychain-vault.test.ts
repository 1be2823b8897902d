import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import { KeychainFailure } from '../../src/vault/keychain-engine.js'
import { KeychainVault } from '../../src/vault/keychain-vault.js'
import { FakeEngine } from './fake-engine.js'
import { healthOf } from './health-of.js'
import { temporaryFolder } from './temporary-folder.js'

const OLD = 'old '.repeat(150)
const NEW = 'new '.repeat(200)

async function open(engine: FakeEngine, folder?: string) {
  const indexFile = join(folder ?? (await temporaryFolder()), 'keychain-index.json')
  return new KeychainVault({ engine, service: 'catchd', indexFile })
}

const read = async (vault: KeychainVault, name: string) => (await vault.get(name))?.reveal()
const chunksIn = (items: ReadonlyMap<string, string>) => [...items.keys()].filter((key) => key.includes('#'))

describe('closing', () => {
  test('an empty vault leaves nothing in the keychain', async () => {
    const engine = new FakeEngine()
    const vault = await open(engine)
    await vault.set('token-set/gw', new Secret('x'))
    await vault.delete('token-set/gw')
    expect(await healthOf(vault)).toBe('ok')
    expect(engine.items.size).toBe(1)
    await vault.close()
    expect(engine.items.size).toBe(0)
  })

  test('one with items keeps its sentinel', async () => {
    const engine = new FakeEngine()
    const vault = await open(engine)
    await vault.set('token-set/gw', new Secret('x'))
    await healthOf(vault)
    await vault.close()
    expect(engine.items.size).toBe(2)
  })
})

describe('chunks of a value over the limit', () => {
  test('no item is longer than the limit, and deleting leaves none behind', async () => {
    const engine = new FakeEngine(200)
    const vault = await open(engine)
    await vault.set('token-set/gw', new Secret('€'.repeat(1_000)))
    expect(
      Math.max(...[...engine.items.values()].map((value) => Buffer.byteLength(value))),
    ).toBeLessThanOrEqual(200)
    expect(chunksIn(engine.items).length).toBeGreaterThan(15)
    expect(await vault.names()).toEqual(['token-set/gw'])
    await vault.delete('token-set/gw')
    expect(engine.items.size).toBe(0)
  })

  test('killed at any step of a write, the next run finds the old value or the new one, and cleans up', async () => {
    const engineCalls = await callsOf((vault) => vault.set('token-set/gw', new Secret(NEW)))
    expect(engineCalls).toBeGreaterThan(10)
    const seen = new Set<string | undefined>()
    for (let step = 0; step <= engineCalls; step += 1) {
      const folder = await temporaryFolder()
      const items = new Map<string, string>()
      const engine = new FakeEngine(200, items)
      const vault = await open(engine, folder)
      await vault.set('token-set/gw', new Secret(OLD))
      engine.callsLeft = step
      await vault.set('token-set/gw', new Secret(NEW)).catch(() => {})

      const next = await open(new FakeEngine(200, items), folder)
      const value = await read(next, 'token-set/gw')
      expect([OLD, NEW]).toContain(value)
      seen.add(value)
      await next.set('token-set/gw', new Secret('short'))
      expect(chunksIn(items)).toEqual([])
    }
    expect(seen.size).toBe(2)
  })

  test('killed at any step of a deletion, the item is whole or gone, and a second deletion leaves nothing', async () => {
    const engineCalls = await callsOf((vault) => vault.delete('token-set/gw'))
    for (let step = 0; step <= engineCalls; step += 1) {
      const folder = await temporaryFolder()
      const items = new Map<string, string>()
      const engine = new FakeEngine(200, items)
      const vault = await open(engine, folder)
      await vault.set('token-set/gw', new Secret(OLD))
      engine.callsLeft = step
      await vault.delete('token-set/gw').catch(() => {})

      const next = await open(new FakeEngine(200, items), folder)
      expect([OLD, undefined]).toContain(await read(next, 'token-set/gw'))
      await next.delete('token-set/gw')
      expect(chunksIn(items)).toEqual([])
      expect(await next.names()).toEqual([])
    }
  })

  test.each([
    ['a chunk that is gone', (items: Map<string, string>, chunk: string) => items.delete(chunk)],
    ['a chunk of something else', (items: Map<string, string>, chunk: string) => items.set(chunk, 'AAAA')],
    [
      'a head that is damaged',
      (items: Map<string, string>) => items.set('token-set/gw', 'catchd-chunks:{"version":1,'),
    ],
    [
      'a head of a later format',
      (items: Map<string, string>) => items.set('token-set/gw', 'catchd-chunks:{"version":2}'),
    ],
  ])('%s makes the item missing, never half', async (_, damage) => {
    const engine = new FakeEngine(200)
    const vault = await open(engine)
    await vault.set('token-set/gw', new Secret(OLD))
    damage(engine.items, chunksIn(engine.items)[1] ?? '')
    expect(await read(vault, 'token-set/gw')).toBeUndefined()
    await vault.set('token-set/gw', new Secret(NEW))
    expect(await read(vault, 'token-set/gw')).toBe(NEW)
  })

  async function callsOf(act: (vault: KeychainVault) => Promise<unknown>): Promise<number> {
    const engine = new FakeEngine(200)
    const vault = await open(engine)
    await vault.set('token-set/gw', new Secret(OLD))
    const before = engine.calls
    await act(vault)
    return engine.calls - before
  }
})

describe('a keychain that says "none" while it is locked', () => {
  test('is locked, not empty, and loses nothing', async () => {
    const engine = new FakeEngine()
    const vault = await open(engine)
    await vault.set('token-set/gw', new Secret('kept'))
    engine.locked = true
    await expect(vault.get('token-set/gw')).rejects.toMatchObject({ code: 'vault_locked' })
    await expect(vault.get('token-set/other')).rejects.toMatchObject({ code: 'vault_locked' })
    await expect(vault.set('token-set/gw', new Secret('x'))).rejects.toMatchObject({ code: 'vault_locked' })
    await expect(vault.delete('token-set/gw')).rejects.toMatchObject({ code: 'vault_locked' })
    expect(await healthOf(vault)).toBe('locked')
    expect(await vault.names()).toEqual(['token-set/gw'])
    engine.locked = false
    expect(await read(vault, 'token-set/gw')).toBe('kept')
    expect(await healthOf(vault)).toBe('ok')
  })

  test('is locked before anything of ours was ever stored, too', async () => {
    const engine = new FakeEngine()
    engine.locked = true
    const vault = await open(engine)
    await expect(vault.get('token-set/gw')).rejects.toMatchObject({ code: 'vault_locked' })
  })

  test('unlocked between two looks, it is not taken for empty', async () => {
    const engine = new FakeEngine()
    const vault = await open(engine)
    await vault.set('token-set/gw', new Secret('kept'))
    engine.locked = true
    const get = engine.get.bind(engine)
    engine.get = async (service, account) => {
      const seen = await get(service, account)
      engine.locked = false
      return seen
    }
    expect(await read(vault, 'token-set/gw')).toBe('kept')
  })
})

test('what was deleted from outside is missing, and its name forgotten', async () => {
  const engine = new FakeEngine()
  const vault = await open(engine)
  await vault.set('token-set/a', new Secret('a'))
  await vault.set('token-set/b', new Secret('b'))
  engine.items.clear()
  expect(await vault.get('token-set/a')).toBeUndefined()
  expect(await vault.names()).toEqual(['token-set/b'])
  expect(await vault.delete('token-set/b')).toBe(false)
  expect(await vault.names()).toEqual([])
})

test.each(['no_keychain', 'no_engine', 'silent', 'failed'] as const)(
  'an engine with the trouble "%s" is vault_unavailable, says what to do and deletes nothing',
  async (trouble) => {
    const engine = new FakeEngine()
    const vault = await open(engine)
    await vault.set('token-set/gw', new Secret('kept'))
    engine.trouble = trouble
    for (const call of [
      vault.get('token-set/gw'),
      vault.set('token-set/gw', new Secret('the new value')),
      vault.delete('token-set/gw'),
    ]) {
      const error: unknown = await call.catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        code: 'vault_unavailable',
        detail: expect.stringMatching(/keychain|keytar/),
      })
      expect(JSON.stringify(error)).not.toContain('the new value')
    }
    expect(await healthOf(vault)).toBe('unavailable')
    engine.trouble = null
    expect(await read(vault, 'token-set/gw')).toBe('kept')
  },
)

test('a deadline that runs out while the Secret Service says "locked" is a dialog that waits for a person', async () => {
  const engine = new FakeEngine()
  let locked = false
  const vault = new KeychainVault({
    engine,
    service: 'catchd',
    indexFile: join(await temporaryFolder(), 'keychain-index.json'),
    lockState: async () =>
      locked ? { state: 'trouble', trouble: 'locked', text: '' } : { state: 'unlocked' },
  })
  engine.get = async () => {
    locked = true
    throw new KeychainFailure('silent')
  }
  await expect(vault.get('token-set/gw')).rejects.toMatchObject({ code: 'vault_locked' })
  const calls = engine.calls
  await expect(vault.set('token-set/gw', new Secret('x'))).rejects.toMatchObject({ code: 'vault_locked' })
  expect(engine.calls, 'a locked keyring is left alone: each call would open a dialog').toBe(calls)
})

describe('the index', () => {
  test('holds names and no secret, and nobody else can read it', async () => {
    const folder = await temporaryFolder()
    const vault = await open(new FakeEngine(), folder)
    await vault.set('token-set/gw', new Secret('the-secret'))
    expect(await readFile(join(folder, 'keychain-index.json'), 'utf8')).toBe(
      '{"version":1,"items":[{"name":"token-set/gw","chunks":[]}]}\n',
    )
  })

  test('when corrupt is set aside and the generation before it used; items are found all the same', async () => {
    const folder = await temporaryFolder()
    const items = new Map<string, string>()
    const vault = await open(new FakeEngine(200, items), folder)
    await vault.set('token-set/a', new Secret('a'))
    await vault.set('token-set/b', new Secret(OLD))
    await writeFile(join(folder, 'keychain-index.json'), '{"version":1,"items":[{"na')

    const next = await open(new FakeEngine(200, items), folder)
    expect(await next.names()).toContain('token-set/a')
    expect(await read(next, 'token-set/b')).toBe(OLD)
    expect((await readdir(folder)).filter((file) => file.includes('.corrupt-'))).toHaveLength(1)
    await next.delete('token-set/b')
    expect(chunksIn(items)).toEqual([])
  })
})
