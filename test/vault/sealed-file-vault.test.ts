import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import * as nodeFiles from 'node:fs/promises'
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { FileSystem } from '../../src/files/whole-files.js'
import { Secret } from '../../src/secret.js'
import { countSealedItems, SealedFileVault } from '../../src/vault/sealed-file-vault.js'
import { healthOf } from './health-of.js'
import { temporaryFolder } from './temporary-folder.js'

interface Home {
  readonly folder: string
  readonly file: string
  readonly keyFile: string
  readonly passphraseFile: string
}

async function home(): Promise<Home> {
  const folder = await temporaryFolder()
  return {
    folder,
    file: join(folder, 'vault.sealed'),
    keyFile: join(folder, 'vault.key'),
    passphraseFile: join(folder, 'passphrase'),
  }
}

const withKey = ({ file, keyFile }: Home, files?: FileSystem) =>
  new SealedFileVault({ file, keyFile, ...(files === undefined ? {} : { files }) })
const withPassphrase = (at: Home) => new SealedFileVault(at)
const read = async (vault: SealedFileVault, name: string) => (await vault.get(name))?.reveal()
const withDigest = (bytes: Buffer) => Buffer.concat([bytes, createHash('sha256').update(bytes).digest()])
const corruptFiles = async ({ folder }: Home) =>
  (await readdir(folder)).filter((file) => file.startsWith('vault.sealed.corrupt-'))

test('nothing of a secret, and no name, stands in any file, and all are ours alone', async () => {
  const at = await home()
  const vault = withKey(at)
  await vault.set('token-set/gw', new Secret('canary-of-the-vault'))
  await vault.set('token-set/gw', new Secret('canary-of-the-vault 2'))
  const files = await readdir(at.folder)
  expect(files.sort()).toEqual(['vault.key', 'vault.sealed', 'vault.sealed.previous'])
  for (const file of files) {
    const content = await readFile(join(at.folder, file), 'latin1')
    expect(content).not.toContain('canary')
    expect(content).not.toContain('token-set')
    expect((await stat(join(at.folder, file))).mode & 0o777).toBe(0o600)
  }
})

test('every write has a nonce of its own', async () => {
  const at = await home()
  const vault = withKey(at)
  const nonces = new Set<unknown>()
  for (let write = 0; write < 5; write += 1) {
    await vault.set('token-set/gw', new Secret('the same value'))
    nonces.add(JSON.parse((await readFile(at.file, 'latin1')).split('\n')[0] ?? '').nonce)
  }
  expect(nonces.size).toBe(5)
})

describe('the key', () => {
  test('a wrong, missing or empty passphrase is vault_locked and touches nothing', async () => {
    const at = await home()
    await writeFile(at.passphraseFile, 'right\n', { mode: 0o600 })
    await withPassphrase(at).set('token-set/gw', new Secret('kept'))
    const before = await readFile(at.file)
    for (const passphrase of ['wrong\n', '', 'right ', null]) {
      if (passphrase === null) await unlink(at.passphraseFile)
      else await writeFile(at.passphraseFile, passphrase, { mode: 0o600 })
      const vault = withPassphrase(at)
      await expect(vault.get('token-set/gw')).rejects.toMatchObject({ code: 'vault_locked' })
      await expect(vault.set('token-set/gw', new Secret('x'))).rejects.toMatchObject({ code: 'vault_locked' })
      await expect(vault.delete('token-set/gw')).rejects.toMatchObject({ code: 'vault_locked' })
      expect(await healthOf(vault)).toBe('locked')
      expect(await readFile(at.file)).toEqual(before)
      expect(await corruptFiles(at)).toEqual([])
      // The right one, later, in the same run.
      await writeFile(at.passphraseFile, 'right', { mode: 0o600 })
      expect(await read(vault, 'token-set/gw')).toBe('kept')
    }
  })

  test('no passphrase is asked of a vault that was sealed with one', async () => {
    const at = await home()
    await writeFile(at.passphraseFile, 'right', { mode: 0o600 })
    await withPassphrase(at).set('token-set/gw', new Secret('kept'))
    await expect(withKey(at).get('token-set/gw')).rejects.toMatchObject({
      code: 'vault_locked',
      detail: expect.stringContaining('CATCHD_VAULT_PASSPHRASE_FILE'),
    })
  })

  test('what the key file seals is not used with a passphrase until the user seals it again', async () => {
    const at = await home()
    await withKey(at).set('token-set/a', new Secret('a'))
    await writeFile(at.passphraseFile, 'new passphrase', { mode: 0o600 })
    const before = await readFile(at.file)
    const vault = withPassphrase(at)
    const refused = { code: 'vault_unavailable', next: 'catchd vault migrate --to file' }
    await expect(vault.get('token-set/a')).rejects.toMatchObject(refused)
    await expect(vault.set('token-set/b', new Secret('b'))).rejects.toMatchObject(refused)
    expect(await readFile(at.file)).toEqual(before)

    expect(await vault.sealAgain()).toBe(1)
    expect(await read(vault, 'token-set/a')).toBe('a')
    expect(existsSync(at.keyFile)).toBe(false)
    // Neither generation needs the key file.
    for (const file of [at.file, `${at.file}.previous`]) {
      expect(await countSealedItems(file, { keyFile: at.keyFile, passphraseFile: at.passphraseFile })).toBe(1)
    }
    expect(await vault.sealAgain()).toBe(0)
  })

  test('a key file that a crash left behind goes with the next write', async () => {
    const at = await home()
    await writeFile(at.passphraseFile, 'right', { mode: 0o600 })
    await withPassphrase(at).set('token-set/a', new Secret('a'))
    await writeFile(at.keyFile, Buffer.alloc(32, 7).toString('base64url'), { mode: 0o600 })
    const vault = withPassphrase(at)
    expect(await read(vault, 'token-set/a')).toBe('a')
    await vault.set('token-set/b', new Secret('b'))
    expect(existsSync(at.keyFile)).toBe(false)
  })

  test.skipIf(process.getuid === undefined).each([0o666, 0o644])(
    'a passphrase file of mode %o is refused with the command',
    async (mode) => {
      const at = await home()
      await writeFile(at.passphraseFile, 'right')
      await chmod(at.passphraseFile, mode)
      await expect(withPassphrase(at).set('token-set/a', new Secret('a'))).rejects.toMatchObject({
        code: 'vault_locked',
        next: `chmod 600 ${at.passphraseFile}`,
      })
      expect(existsSync(at.file)).toBe(false)
    },
  )

  test('a key file that is gone, or another one, changes nothing and is not replaced', async () => {
    const at = await home()
    await withKey(at).set('token-set/gw', new Secret('kept'))
    const [sealed, key] = [await readFile(at.file), await readFile(at.keyFile)]
    for (const other of [
      null,
      Buffer.from('short'),
      Buffer.from(Buffer.alloc(32, 7).toString('base64url')),
    ]) {
      if (other === null) await unlink(at.keyFile)
      else await writeFile(at.keyFile, other, { mode: 0o600 })
      const vault = withKey(at)
      await expect(vault.set('token-set/x', new Secret('x'))).rejects.toMatchObject({
        code: 'vault_unavailable',
        detail: expect.stringContaining('vault.key'),
      })
      expect(await readFile(at.file)).toEqual(sealed)
      expect(await readFile(at.keyFile).catch(() => null)).toEqual(other)
    }
    await writeFile(at.keyFile, key, { mode: 0o600 })
    expect(await read(withKey(at), 'token-set/gw')).toBe('kept')
  })
})

describe('damage', () => {
  test('anywhere in the file: it is set aside and the generation before it used', async () => {
    const at = await home()
    const vault = withKey(at)
    await vault.set('token-set/gw', new Secret('first'))
    await vault.set('token-set/gw', new Secret('second'))
    const [whole, previous] = [await readFile(at.file), await readFile(`${at.file}.previous`)]
    const flips = Array.from({ length: 40 }, (_, step) => Math.floor((whole.length * step) / 40))
    const damaged = [
      ...flips.map((position) => {
        const bytes = Buffer.from(whole)
        bytes[position] = (bytes[position] ?? 0) ^ 0x20
        return bytes
      }),
      Buffer.alloc(0),
      whole.subarray(0, 10),
      whole.subarray(0, -1),
      Buffer.concat([whole, Buffer.from('x')]),
      Buffer.from('{"format":"something else"}\n'),
    ]
    for (const bytes of damaged) {
      await writeFile(at.file, bytes, { mode: 0o600 })
      await writeFile(`${at.file}.previous`, previous, { mode: 0o600 })
      const next = withKey(at)
      expect(await read(next, 'token-set/gw')).toBe('first')
      const [corrupt = ''] = await corruptFiles(at)
      expect(await readFile(join(at.folder, corrupt))).toEqual(bytes)
      await unlink(join(at.folder, corrupt))
    }
  })

  test('on purpose, with a header that was changed and a digest made to fit: it is not believed', async () => {
    const at = await home()
    const vault = withKey(at)
    await vault.set('token-set/gw', new Secret('first'))
    await vault.set('token-set/gw', new Secret('second'))
    const sealed = (await readFile(at.file)).subarray(0, -32)
    const lineEnd = sealed.indexOf(0x0a)
    const forged = Buffer.concat([
      sealed.subarray(0, lineEnd - 1),
      Buffer.from(',"more":1}'),
      sealed.subarray(lineEnd),
    ])
    await writeFile(at.file, withDigest(forged))
    expect(await read(withKey(at), 'token-set/gw')).toBe('first')
    expect(await corruptFiles(at)).toHaveLength(1)
  })

  test('of every generation: all is kept for a look, and the vault begins anew', async () => {
    const at = await home()
    await withKey(at).set('token-set/gw', new Secret('first'))
    for (const file of [at.file, `${at.file}.previous`]) await writeFile(file, 'damage', { mode: 0o600 })
    const vault = withKey(at)
    expect(await vault.get('token-set/gw')).toBeUndefined()
    await vault.set('token-set/gw', new Secret('again'))
    expect(await read(withKey(at), 'token-set/gw')).toBe('again')
    expect(await corruptFiles(at)).toHaveLength(1)
  })

  test('a missing file with the generation before it still there is that generation', async () => {
    const at = await home()
    const vault = withKey(at)
    await vault.set('token-set/gw', new Secret('first'))
    await vault.set('token-set/gw', new Secret('second'))
    await unlink(at.file)
    expect(await read(withKey(at), 'token-set/gw')).toBe('first')
  })

  test('a file of a newer version is left alone', async () => {
    const at = await home()
    const newer = withDigest(Buffer.from('{"format":"catchd sealed vault","version":2}\nunknown'))
    await writeFile(at.file, newer, { mode: 0o600 })
    await expect(withKey(at).get('token-set/gw')).rejects.toMatchObject({
      code: 'vault_unavailable',
      detail: expect.stringContaining('newer'),
    })
    expect(await readFile(at.file)).toEqual(newer)
  })
})

describe('a file that is not ours alone is refused and left alone', () => {
  const cases: Record<string, (path: string) => Promise<void>> = {
    'readable by the group': (path) => chmod(path, 0o640),
    'writable by everybody': (path) => chmod(path, 0o606),
    'a symbolic link': async (path) => {
      await nodeFiles.rename(path, `${path}.elsewhere`)
      await symlink(`${path}.elsewhere`, path)
    },
    'a folder': async (path) => {
      await unlink(path)
      await mkdir(path)
    },
  }
  if (process.getuid?.() === 0) cases['owned by another user'] = (path) => chown(path, 65_534, 65_534)

  test.each(Object.entries(cases))('%s', async (_, expose) => {
    const at = await home()
    await withKey(at).set('token-set/gw', new Secret('kept'))
    await expose(at.file)
    const vault = withKey(at)
    await expect(vault.get('token-set/gw')).rejects.toMatchObject({ code: 'vault_unavailable' })
    await expect(vault.set('token-set/gw', new Secret('x'))).rejects.toMatchObject({
      code: 'vault_unavailable',
    })
    expect(await corruptFiles(at)).toEqual([])
  })

  test('a key file that others can read', async () => {
    const at = await home()
    await withKey(at).set('token-set/gw', new Secret('kept'))
    await chmod(at.keyFile, 0o644)
    await expect(withKey(at).get('token-set/gw')).rejects.toMatchObject({
      code: 'vault_unavailable',
      detail: expect.stringContaining('chmod 600'),
    })
  })
})

describe('a disk that fails', () => {
  test('at any step of a write, full or broken: vault_unavailable, the old state stands, and the next write works', async () => {
    const steps = (await stepsOf()).length
    expect(steps).toBeGreaterThan(8)
    for (const code of ['ENOSPC', 'EIO']) {
      for (let failing = 0; failing < steps; failing += 1) {
        const at = await home()
        const disk = new FailingDisk()
        const vault = withKey(at, disk.files)
        await vault.set('token-set/gw', new Secret('old'))
        disk.failOnce(failing, code)
        const failure = await vault.set('token-set/gw', new Secret('new')).catch((error: unknown) => error)
        // Unlinking a left-over and closing may fail without harm.
        if (failure === undefined) continue
        expect(failure).toMatchObject({ code: 'vault_unavailable', detail: expect.stringContaining(code) })
        expect(await read(vault, 'token-set/gw')).toBe('old')
        expect(await read(withKey(at), 'token-set/gw')).toBe('old')
        expect(await healthOf(vault)).toBe('unavailable')
        await vault.set('token-set/gw', new Secret('newer'))
        expect(await read(withKey(at), 'token-set/gw')).toBe('newer')
        expect(await healthOf(vault)).toBe('ok')
      }
    }
  })

  test('a full disk at the very first write leaves no vault, and a failing fsync counts', async () => {
    const at = await home()
    const disk = new FailingDisk()
    const vault = withKey(at, disk.files)
    const sync = (await stepsOf()).indexOf('sync')
    disk.failOnce(sync, 'EIO')
    await expect(vault.set('token-set/gw', new Secret('x'))).rejects.toMatchObject({
      code: 'vault_unavailable',
    })
    expect(await vault.names()).toEqual([])
    expect(await withKey(at).names()).toEqual([])
  })

  test('killed at any step of a write, the next run finds the old value or the new one', async () => {
    const steps = (await stepsOf()).length
    const seen = new Set<string | undefined>()
    for (let step = 0; step <= steps; step += 1) {
      const at = await home()
      const disk = new FailingDisk()
      const vault = withKey(at, disk.files)
      await vault.set('token-set/gw', new Secret('old'))
      disk.dieAt(step)
      await vault.set('token-set/gw', new Secret('new')).catch(() => {})
      const value = await read(withKey(at), 'token-set/gw')
      expect(['old', 'new']).toContain(value)
      seen.add(value)
      expect(await corruptFiles(at)).toEqual([])
      await withKey(at).set('token-set/gw', new Secret('next'))
      expect(await read(withKey(at), 'token-set/gw')).toBe('next')
    }
    expect(seen.size).toBe(2)
  })

  test('what is written is on the disk before it takes the place of the old, and the place before it is said', async () => {
    expect((await stepsOf()).filter((step) => ['writeFile', 'sync', 'rename'].includes(step))).toEqual([
      'writeFile',
      'sync',
      'rename', // the generation before
      'rename',
      'sync', // the folder
    ])
  })

  test('without hard links the generation before is a copy', async () => {
    const at = await home()
    const files: FileSystem = {
      ...nodeFiles,
      link: () => Promise.reject(Object.assign(new Error(), { code: 'EPERM' })),
    }
    const vault = withKey(at, files)
    await vault.set('token-set/gw', new Secret('first'))
    await vault.set('token-set/gw', new Secret('second'))
    await unlink(at.file)
    expect(await read(withKey(at), 'token-set/gw')).toBe('first')
  })

  async function stepsOf(): Promise<string[]> {
    const disk = new FailingDisk()
    const vault = withKey(await home(), disk.files)
    await vault.set('token-set/gw', new Secret('old'))
    disk.steps.length = 0
    await vault.set('token-set/gw', new Secret('new'))
    return disk.steps
  }
})

test('a thousand changes at once are a handful of writes, and all of them stored', async () => {
  const at = await home()
  const disk = new FailingDisk()
  const vault = withKey(at, disk.files)
  const names = Array.from({ length: 1_000 }, (_, index) => `login/${String(index).padStart(4, '0')}`)
  await Promise.all(names.map((name) => vault.set(name, new Secret(name))))
  expect(disk.steps.filter((step) => step === 'sync').length).toBeLessThan(10)
  expect(await withKey(at).names()).toEqual(names)
})

/** The real disk, with a step that fails. */
class FailingDisk {
  readonly steps: string[] = []
  #failing = -1
  #code = ''
  #dead = false

  /** Counted from now on. */
  failOnce(step: number, code: string): void {
    this.steps.length = 0
    this.#failing = step
    this.#code = code
  }

  /** Every step from this one on fails, as nothing happens after a kill. */
  dieAt(step: number): void {
    this.failOnce(step, 'killed')
    this.#dead = true
  }

  readonly files: FileSystem = {
    open: async (...args) => {
      await this.#step('open')
      const file = await nodeFiles.open(...args)
      return new Proxy(file, {
        get: (target, property) => {
          const member: unknown = Reflect.get(target, property)
          if (typeof member !== 'function') return member
          return async (...values: unknown[]) => {
            if (property === 'close') return member.apply(target, values)
            // Half of it lands before the disk is full.
            if (property === 'writeFile' && this.#next) await target.write('{"format":"catchd seal')
            await this.#step(String(property))
            return member.apply(target, values)
          }
        },
      })
    },
    rename: async (...args) => {
      await this.#step('rename')
      return nodeFiles.rename(...args)
    },
    link: async (...args) => {
      await this.#step('link')
      return nodeFiles.link(...args)
    },
    copyFile: async (...args) => {
      await this.#step('copyFile')
      return nodeFiles.copyFile(...args)
    },
    unlink: async (...args) => {
      await this.#step('unlink')
      return nodeFiles.unlink(...args)
    },
  }

  get #next(): boolean {
    return this.steps.length === this.#failing
  }

  async #step(name: string): Promise<void> {
    const fails = this.#next || (this.#dead && this.steps.length > this.#failing)
    this.steps.push(name)
    if (fails) throw Object.assign(new Error(`${name} fails`), { code: this.#code })
  }
}
