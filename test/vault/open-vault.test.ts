import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterEach, describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import { firstUsableEngine } from '../../src/vault/first-usable-engine.js'
import type { KeychainHost } from '../../src/vault/keychain-fix.js'
import { KeychainVault } from '../../src/vault/keychain-vault.js'
import { KeytarEngine } from '../../src/vault/keytar-engine.js'
import { MemoryVault } from '../../src/vault/memory-vault.js'
import { decideVault, describeVault, openVault } from '../../src/vault/open-vault.js'
import { SecretToolEngine } from '../../src/vault/secret-tool-engine.js'
import type { Vault } from '../../src/vault/vault.js'
import { rememberedVault, rememberVault } from '../../src/vault/vault-choice.js'
import type { VaultChoice } from '../../src/vault/vault-kinds.js'
import { VaultSlot } from '../../src/vault/vault-slot.js'
import { type Keyring, keyringReason, startKeyring } from '../support/keyring.js'
import { FakeEngine } from './fake-engine.js'
import { healthOf } from './health-of.js'
import { startTheClock, stopTheClock, withinTwoSeconds } from './stopped-clock.js'
import { temporaryFolder } from './temporary-folder.js'

/** A Debian desktop. */
const DEBIAN: KeychainHost = {
  platform: 'linux',
  env: {},
  isRoot: false,
  hasProgram: (name) => ['apt', 'gnome-keyring-daemon'].includes(name),
}
const NO_SESSION = { PATH: process.env['PATH'], XDG_RUNTIME_DIR: '/nonexistent' }

const opened: Vault[] = []
afterEach(() => Promise.all(opened.splice(0).map((vault) => vault.close())))

async function open(
  stateFolder: string,
  env: NodeJS.ProcessEnv,
  choice: VaultChoice = 'auto',
): Promise<Vault> {
  const options = {
    stateFolder,
    service: 'catchd',
    passphraseFile: null,
    platform: 'linux',
    env,
  } as const
  const vault = await openVault(choice, options)
  opened.push(vault)
  return vault
}

const read = async (vault: Vault, name: string) => (await vault.get(name))?.reveal()
const remembered = async (folder: string) =>
  JSON.parse(await readFile(join(folder, 'vault.json'), 'utf8')) as unknown

describe.skipIf(keyringReason !== undefined)('auto', () => {
  async function withKeyring(act: (keyring: Keyring, folder: string) => Promise<void>): Promise<void> {
    const keyring = await startKeyring()
    try {
      await act(keyring, await temporaryFolder())
    } finally {
      await keyring.stop()
    }
  }

  test('takes the keychain where it works, remembers it, and does not leave it when it is gone', () =>
    withKeyring(async (keyring, folder) => {
      const vault = await open(folder, keyring.env)
      expect(await readdir(folder), 'opening touches nothing').toEqual([])
      await vault.set('token-set/gw', new Secret('kept'))
      expect([vault.kind, vault.engine]).toEqual(['keychain', 'keytar'])
      expect(await remembered(folder)).toEqual({ version: 1, vault: 'keychain' })
      expect((await stat(join(folder, 'vault.json'))).mode & 0o777).toBe(0o600)

      const gone = await open(folder, NO_SESSION)
      await expect(gone.get('token-set/gw')).rejects.toMatchObject({ code: 'vault_unavailable' })
      await expect(gone.set('token-set/gw', new Secret('x'))).rejects.toMatchObject({
        code: 'vault_unavailable',
      })
      expect([gone.kind, await healthOf(gone)]).toEqual(['keychain', 'unavailable'])
      expect(await readdir(folder)).not.toContain('vault.sealed')
      expect(await read(await open(folder, keyring.env), 'token-set/gw')).toBe('kept')
    }))

  test('takes the sealed file where there is no keychain, and stays there when one comes', () =>
    withKeyring(async (keyring, folder) => {
      const vault = await open(folder, NO_SESSION)
      await vault.set('token-set/gw', new Secret('kept'))
      expect([vault.kind, vault.engine, await healthOf(vault)]).toEqual(['file', 'sealed-file', 'ok'])
      expect(await remembered(folder)).toEqual({ version: 1, vault: 'file', because: 'no_keychain' })
      const later = await open(folder, keyring.env)
      expect(later.kind).toBe('file')
      expect(await read(later, 'token-set/gw')).toBe('kept')
    }))

  test('takes the sealed file where a bus runs without a Secret Service', async () => {
    const bus = await startKeyring({ service: false })
    const vault = await open(await temporaryFolder(), bus.env)
    expect(await vault.names()).toEqual([])
    expect(vault.kind).toBe('file')
    await bus.stop()
  })

  test('a keychain that is locked or frozen at the first start decides nothing, and decides later', () =>
    withKeyring(async (keyring, folder) => {
      await keyring.lock()
      const vault = await open(folder, keyring.env)
      expect([vault.kind, await healthOf(vault)]).toEqual(['keychain', 'locked'])
      await expect(vault.get('token-set/gw')).rejects.toMatchObject({ code: 'vault_locked' })
      await expect(vault.set('token-set/gw', new Secret('x'))).rejects.toMatchObject({ code: 'vault_locked' })
      await expect(vault.names()).rejects.toMatchObject({ code: 'vault_locked' })
      await keyring.unlock()
      keyring.freeze()
      stopTheClock()
      await expect(withinTwoSeconds(vault.get('token-set/gw'))).rejects.toMatchObject({
        code: 'vault_unavailable',
      })
      expect(await withinTwoSeconds(healthOf(vault))).toBe('unavailable')
      startTheClock()
      keyring.thaw()
      expect(await readdir(folder)).toEqual([])
      await vault.set('token-set/gw', new Secret('kept'))
      expect(vault.kind).toBe('keychain')
      await expect.poll(() => healthOf(vault)).toBe('ok')
      expect(await remembered(folder)).toEqual({ version: 1, vault: 'keychain' })
    }))

  test('decides once for many first calls, and leaves no probe behind', async () => {
    const engine = new FakeEngine()
    const decisions: string[] = []
    const vault = await deciding(engine, async (decision) => {
      decisions.push(decision)
    })
    await Promise.all(Array.from({ length: 20 }, (_, index) => vault.set(`login/${index}`, new Secret('x'))))
    expect(decisions).toEqual(['keychain'])
    expect([...engine.items.keys()].filter((account) => account.startsWith('probe'))).toEqual([])
  })

  test('a decision that cannot be remembered is none', async () => {
    let full = true
    const vault = await deciding(new FakeEngine(), async () => {
      if (full) throw Object.assign(new Error(), { code: 'ENOSPC' })
    })
    await expect(vault.set('login/a', new Secret('x'))).rejects.toThrow()
    full = false
    await vault.set('login/a', new Secret('x'))
    expect(await vault.names()).toEqual(['login/a'])
  })

  async function deciding(engine: FakeEngine, remember: (decision: string) => Promise<void>): Promise<Vault> {
    const indexFile = join(await temporaryFolder(), 'keychain-index.json')
    const keychain = new KeychainVault({ engine, service: 'catchd', indexFile })
    return new VaultSlot(
      keychain,
      () => keychain,
      () => decideVault(keychain, new MemoryVault(), remember),
    )
  }
})

describe('what was decided', () => {
  test('is read back; a corrupt or missing note is answered by what is there', async () => {
    const folder = await temporaryFolder()
    expect(await rememberedVault(folder)).toBeUndefined()
    await writeFile(join(folder, 'keychain-index.json'), '{}', { mode: 0o600 })
    expect(await rememberedVault(folder)).toBe('keychain')
    await rememberVault(folder, 'file')
    expect(await rememberedVault(folder)).toBe('file')
    await writeFile(join(folder, 'vault.json'), '{"version":1,"vault":"elsewhere"}')
    await writeFile(join(folder, 'vault.sealed'), '', { mode: 0o600 })
    expect(await rememberedVault(folder)).toBe('file')
  })

  test('is not believed when others can write it', async () => {
    const folder = await temporaryFolder()
    await rememberVault(folder, 'keychain')
    await chmod(join(folder, 'vault.json'), 0o666)
    await expect(open(folder, NO_SESSION)).rejects.toMatchObject({ code: 'vault_unavailable' })
  })
})

test('what is chosen outright is used, whatever is remembered', async () => {
  const folder = await temporaryFolder()
  await rememberVault(folder, 'keychain')
  const kinds = await Promise.all(
    (['keychain', 'file', 'memory'] as const).map(
      async (choice) => (await open(folder, NO_SESSION, choice)).kind,
    ),
  )
  expect(kinds).toEqual(['keychain', 'file', 'memory'])
})

test.each([
  ['keychain', 'the login keychain (service catchd)'],
  ['file', 'the sealed file vault'],
  ['memory', 'memory only (lost when the daemon stops)'],
] as const)('%s reads as "%s"', (kind, words) => {
  expect(describeVault({ kind }, 'catchd')).toBe(words)
})

describe.skipIf(keyringReason !== undefined)('where keytar cannot be loaded', () => {
  /** The child as it is bundled, in a place from which no keytar is found. */
  async function childWithoutKeytar() {
    const folder = await temporaryFolder()
    const file = join(folder, 'keytar-child.mjs')
    await build({
      entryPoints: [join(import.meta.dirname, '../../src/vault/keytar-child.ts')],
      outfile: file,
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['keytar'],
    })
    return { execArgv: [], file }
  }

  test('secret-tool is used, on the same items', async () => {
    const keyring = await startKeyring()
    const keytar = new KeytarEngine({ env: keyring.env, childEntry: await childWithoutKeytar() })
    const engine = firstUsableEngine(keytar, new SecretToolEngine({ env: keyring.env }))
    const indexFile = join(await temporaryFolder(), 'keychain-index.json')
    const vault = new KeychainVault({ engine, service: 'catchd', indexFile })
    await Promise.all(['a', 'b', 'c'].map((item) => vault.set(`login/${item}`, new Secret(item))))
    expect(vault.engine).toBe('secret-tool')
    const real = new KeytarEngine({ env: keyring.env })
    expect(await real.get('catchd', 'login/b')).toBe('b')
    await Promise.all([real.close(), vault.close()])
    await keyring.stop()
  })

  test('and secret-tool is not installed: it says what to install', async () => {
    const engine = firstUsableEngine(
      new KeytarEngine({ childEntry: await childWithoutKeytar() }),
      new SecretToolEngine({ command: '/nonexistent/secret-tool' }),
    )
    const indexFile = join(await temporaryFolder(), 'keychain-index.json')
    const vault = new KeychainVault({ engine, service: 'catchd', indexFile, host: DEBIAN })
    await expect(vault.get('login/a')).rejects.toMatchObject({
      code: 'vault_unavailable',
      detail: expect.stringContaining('neither keytar nor secret-tool can be used'),
      next: 'sudo apt install libsecret-tools',
    })
  })
})

test('the state folder may be a relative newcomer: a missing folder is a vault failure, not a crash', async () => {
  const folder = join(await temporaryFolder(), 'missing')
  const vault = await open(folder, NO_SESSION, 'file')
  expect(await vault.names()).toEqual([])
  await expect(vault.set('login/a', new Secret('x'))).rejects.toMatchObject({ code: 'vault_unavailable' })
  await mkdir(folder, { mode: 0o700 })
  await vault.set('login/a', new Secret('x'))
})
