/**
 * A real gnome-keyring that is locked, frozen, killed or not there, through both engines.
 *
 * The clock of every deadline stands still unless a test moves it.
 */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import type { KeychainEngine } from '../../src/vault/keychain-engine.js'
import { KeychainVault } from '../../src/vault/keychain-vault.js'
import { openVault } from '../../src/vault/open-vault.js'
import { askSecretService } from '../../src/vault/secret-service.js'
import { SecretToolEngine } from '../../src/vault/secret-tool-engine.js'
import type { Vault } from '../../src/vault/vault.js'
import { type Keyring, keyringReason, keytarEngine, startKeyring } from '../support/keyring.js'
import { healthOf } from './health-of.js'
import { startTheClock, stopTheClock, withinTwoSeconds } from './stopped-clock.js'
import { temporaryFolder } from './temporary-folder.js'

const execute = promisify(execFile)

const ENGINES: Record<string, (env: NodeJS.ProcessEnv) => KeychainEngine> = {
  keytar: (env) => keytarEngine({ env }),
  'secret-tool': (env) => new SecretToolEngine({ env }),
}

const read = async (vault: Vault, name: string) => (await vault.get(name))?.reveal()

/** Every call fails with `code`; it names a cause, a command and no value. */
async function expectOutage(vault: Vault, code: string, fix: RegExp): Promise<void> {
  const calls = [
    () => vault.get('token-set/kept'),
    () => vault.get('token-set/never'),
    () => vault.set('token-set/kept', new Secret('the-new-value')),
    () => vault.delete('token-set/kept'),
  ]
  await Promise.all(
    calls.map(async (call) => {
      const failure: unknown = await call().catch((error: unknown) => error)
      expect(failure).toMatchObject({ code })
      const { detail, next } = failure as CatchdError
      expect(`${detail} → ${next}`).toMatch(fix)
      expect(String(failure)).not.toContain('the-new-value')
    }),
  )
}

describe.skipIf(keyringReason !== undefined)('on a real keyring', () => {
  beforeEach(stopTheClock)
  afterEach(startTheClock)

  describe.each(Object.entries(ENGINES))('through %s', (name, makeEngine) => {
    let keyring: Keyring
    let vault: KeychainVault
    let engine: KeychainEngine

    beforeAll(async () => {
      keyring = await startKeyring()
    })
    afterAll(() => keyring.stop())
    beforeEach(async () => {
      engine = makeEngine(keyring.env)
      vault = new KeychainVault({
        engine,
        service: 'catchd',
        indexFile: join(await temporaryFolder(), 'keychain-index.json'),
        lockState: (limitMs) => askSecretService(keyring.env, limitMs),
      })
      await vault.set('token-set/kept', new Secret('kept'))
    })
    afterEach(() => vault.close())

    test('locked: vault_locked at once, nothing is deleted, and unlocked it goes on', async () => {
      await keyring.lock()
      await expectOutage(vault, 'vault_locked', /gnome-keyring-daemon --replace --unlock/)
      expect(await healthOf(vault)).toBe('locked')
      expect(await vault.names()).toEqual(['token-set/kept'])
      await keyring.unlock()
      expect(await read(vault, 'token-set/kept')).toBe('kept')
      expect(await healthOf(vault)).toBe('ok')
    })

    test('locked, without asking the Secret Service: the sentinel tells', async () => {
      const blind = new KeychainVault({
        engine,
        service: 'catchd',
        indexFile: join(await temporaryFolder(), 'keychain-index.json'),
      })
      await keyring.lock()
      await expectOutage(blind, 'vault_locked', /Unlock it/)
      expect(await healthOf(blind)).toBe('locked')
      await keyring.unlock()
      expect(await read(blind, 'token-set/kept')).toBe('kept')
    })

    test('frozen: vault_unavailable within 2 seconds, files stay usable, and thawed it goes on', async () => {
      keyring.freeze()
      try {
        const outage = expectOutage(vault, 'vault_unavailable', /did not answer within 2 seconds/)
        // More calls than libuv has threads: keytar in this process would block every file.
        const many = Promise.allSettled(Array.from({ length: 8 }, (_, n) => vault.get(`login/${n}`)))
        await readFile(import.meta.filename)
        await withinTwoSeconds(outage)
        expect((await many).every((result) => result.status === 'rejected')).toBe(true)
        expect(await withinTwoSeconds(healthOf(vault))).toBe('unavailable')
      } finally {
        keyring.thaw()
      }
      expect(await read(vault, 'token-set/kept')).toBe('kept')
    })

    test('frozen between the question and the call: the deadline of the engine ends it', async () => {
      const blind = new KeychainVault({
        engine,
        service: 'catchd',
        indexFile: join(await temporaryFolder(), 'keychain-index.json'),
      })
      expect(await read(blind, 'token-set/kept')).toBe('kept')
      keyring.freeze()
      try {
        await expect(withinTwoSeconds(blind.get('token-set/kept'))).rejects.toMatchObject({
          code: 'vault_unavailable',
        })
      } finally {
        keyring.thaw()
      }
      expect(await read(blind, 'token-set/kept')).toBe('kept')
    })

    test('killed: vault_unavailable; started again, everything is there without a restart of ours', async () => {
      keyring.kill()
      await expectOutage(vault, 'vault_unavailable', /There is no keychain in this session/)
      await keyring.restart()
      expect(await read(vault, 'token-set/kept')).toBe('kept')
    })

    test('deleted from outside: the item is missing, its name is forgotten', async () => {
      const attributes = ['service', 'catchd', 'account', 'token-set/kept']
      await execute('secret-tool', ['clear', ...attributes], { env: keyring.env })
      expect(await vault.get('token-set/kept')).toBeUndefined()
      expect(await vault.names()).toEqual([])
    })

    test('everything of ours deleted from outside is missing, not locked', async () => {
      await expect(vault.get('token-set/never')).resolves.toBeUndefined()
      await execute('secret-tool', ['clear', 'service', 'catchd'], { env: keyring.env })
      expect(await vault.get('token-set/kept')).toBeUndefined()
      expect(await healthOf(vault)).toBe('ok')
    })

    test('the other engine reads and replaces the same item, and there is only one', async () => {
      const other = Object.entries(ENGINES).find(([key]) => key !== name)?.[1](keyring.env)
      expect(await other?.get('catchd', 'token-set/kept')).toBe('kept')
      await other?.set('catchd', 'token-set/kept', 'replaced')
      expect(await read(vault, 'token-set/kept')).toBe('replaced')
      const search = ['search', '--all', 'service', 'catchd', 'account', 'token-set/kept']
      const { stdout } = await execute('secret-tool', search, { env: keyring.env })
      expect(stdout.match(/^secret = /gm)).toHaveLength(1)
      await other?.close()
    })

    test('another home does not see the items', async () => {
      const elsewhere = new KeychainVault({
        engine,
        service: 'catchd:0123456789abcdef',
        indexFile: join(await temporaryFolder(), 'keychain-index.json'),
      })
      expect(await elsewhere.get('token-set/kept')).toBeUndefined()
    })
  })

  test('a session bus without a Secret Service', async () => {
    const bus = await startKeyring({ service: false })
    for (const makeEngine of Object.values(ENGINES)) {
      const vault = new KeychainVault({
        engine: makeEngine(bus.env),
        service: 'catchd',
        indexFile: join(await temporaryFolder(), 'keychain-index.json'),
      })
      await expectOutage(
        vault,
        'vault_unavailable',
        /There is no keychain in this session .*org\.freedesktop\.secrets/,
      )
      await vault.close()
    }
    expect(await askSecretService(bus.env)).toMatchObject({ trouble: 'no_keychain' })
    await bus.stop()
  })
})

describe.skipIf(keyringReason !== undefined)('a Secret Service that was never set up', () => {
  let keyring: Keyring
  beforeAll(async () => {
    keyring = await startKeyring({ service: 'empty' })
  })
  afterAll(() => keyring.stop())

  const open = async (choice: 'auto' | 'keychain', stateFolder: string) =>
    openVault(choice, { stateFolder, service: 'catchd', passphraseFile: null, env: keyring.env })

  test('auto chooses the sealed file, and remembers it', async () => {
    const stateFolder = await temporaryFolder()
    for (const value of ['first', 'second']) {
      const vault = await open('auto', stateFolder)
      await vault.set('token-set/gw', new Secret(value))
      expect(await read(vault, 'token-set/gw')).toBe(value)
      expect(vault.kind).toBe('file')
      await vault.close()
    }
  })

  test('the keychain is refused, and the detail says why and names the way out', async () => {
    const vault = await open('keychain', await temporaryFolder())
    await expectOutage(
      vault,
      'vault_unavailable',
      /no collection.*never set up.*→ (catchd config set|gnome-keyring-daemon --replace --unlock)/,
    )
    expect(await healthOf(vault)).toBe('unavailable')
    await vault.close()
  })
})

describe.skipIf(keyringReason !== undefined)('without a D-Bus session', () => {
  beforeEach(stopTheClock)
  afterEach(startTheClock)

  test.each([
    ['no address', {}],
    ['an address where nobody listens', { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus' }],
  ])('%s: vault_unavailable with the fix', async (_, bus) => {
    const env = { PATH: process.env['PATH'], XDG_RUNTIME_DIR: '/nonexistent', ...bus }
    for (const makeEngine of Object.values(ENGINES)) {
      const vault = new KeychainVault({
        engine: makeEngine(env),
        service: 'catchd',
        indexFile: join(await temporaryFolder(), 'keychain-index.json'),
        lockState: (limitMs) => askSecretService(env, limitMs),
      })
      await expectOutage(
        vault,
        'vault_unavailable',
        /There is no keychain in this session.*→ catchd config set daemon.vault file/,
      )
      await vault.close()
    }
  })
})

describe.skipIf(keyringReason !== undefined)("keytar's process", () => {
  let keyring: Keyring
  beforeAll(async () => {
    keyring = await startKeyring()
  })
  afterAll(() => keyring.stop())

  test('is one for many calls, shows no secret to other processes, and ends when idle', async () => {
    const engine = keytarEngine({ env: keyring.env, idleMs: 100 })
    expect(engine.pid).toBeUndefined()
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => engine.set('catchd', `login/${index}`, `canary-${index}`)),
    )
    const { pid } = engine
    const [argv, environ] = await Promise.all(
      ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'latin1')),
    )
    expect(argv).toContain('keytar-child')
    expect(argv).not.toContain('canary')
    expect(environ).not.toContain('canary')
    await expect.poll(() => readdir('/proc')).not.toContain(String(pid))
    expect(engine.pid).toBeUndefined()
    expect(await engine.get('catchd', 'login/7')).toBe('canary-7')
    await engine.close()
  })

  test('killed from outside, it fails the calls under way and is started anew by the next', async () => {
    const engine = keytarEngine({ env: keyring.env })
    await engine.set('catchd', 'login/a', 'a')
    keyring.freeze()
    const underWay = engine.get('catchd', 'login/a')
    process.kill(engine.pid ?? 0, 'SIGKILL')
    await expect(underWay).rejects.toMatchObject({ trouble: 'failed' })
    keyring.thaw()
    expect(await engine.get('catchd', 'login/a')).toBe('a')
    await engine.close()
  })

  test('keeps nothing running that has nothing to do', async () => {
    const script = `
      import { KeytarEngine } from ${JSON.stringify(join(import.meta.dirname, '../../src/vault/keytar-engine.ts'))}
      const engine = new KeytarEngine()
      await engine.get('catchd', 'login/none')
      console.log('done')`
    const { stdout } = await execute(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', script],
      { env: keyring.env, cwd: join(import.meta.dirname, '../..') },
    )
    expect(stdout).toBe('done\n')
  })
})
