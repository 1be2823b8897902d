import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, lchownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ensureFolder, resolveFolders } from '../../src/config/folders.js'
import type { UserSystem } from '../../src/listener/socket-path.js'
import { failureOf, rejectionOf, temporaryFolder } from './support.js'

const linux: UserSystem = { platform: 'linux', homeFolder: '/home/me', env: {} }
const isRoot = process.getuid?.() === 0

describe('where things are', () => {
  test('Linux without XDG variables: beneath the home folder, the socket in the state folder', () => {
    expect(resolveFolders({ home: undefined }, linux)).toEqual({
      configFolder: '/home/me/.config/catchd',
      configFile: '/home/me/.config/catchd/config.jsonc',
      stateFolder: '/home/me/.local/state/catchd',
      runtimeFolder: '/home/me/.local/state/catchd',
      socketPath: '/home/me/.local/state/catchd/catchd.sock',
      keychainService: 'catchd',
    })
  })

  test('Linux follows the XDG variables', () => {
    const env = { XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/run/user/1000' }
    expect(resolveFolders({ home: undefined }, { ...linux, env })).toMatchObject({
      configFile: '/c/catchd/config.jsonc',
      stateFolder: '/s/catchd',
      runtimeFolder: '/run/user/1000/catchd',
      socketPath: '/run/user/1000/catchd/catchd.sock',
    })
  })

  test('relative XDG paths are ignored, as the specification says', () => {
    const env = { XDG_CONFIG_HOME: 'c', XDG_STATE_HOME: './s', XDG_RUNTIME_DIR: '' }
    expect(resolveFolders({ home: undefined }, { ...linux, env })).toEqual(
      resolveFolders({ home: undefined }, linux),
    )
  })

  test('CATCHD_HOME holds everything and has keychain items of its own', () => {
    const folders = resolveFolders({ home: '/x' }, { ...linux, env: { XDG_RUNTIME_DIR: '/run/user/1' } })
    expect(folders).toMatchObject({
      configFile: '/x/config.jsonc',
      stateFolder: '/x/state',
      runtimeFolder: '/x/run',
      socketPath: '/x/run/catchd.sock',
    })
    expect(folders.keychainService).toMatch(/^catchd:[0-9a-f]{16}$/)
    expect(resolveFolders({ home: '/y' }, linux).keychainService).not.toBe(folders.keychainService)
    expect(resolveFolders({ home: '/x/' }, linux).keychainService).toBe(folders.keychainService)
  })

  test('Windows has a named pipe of its own for each user and home', () => {
    const windows: UserSystem = { platform: 'win32', homeFolder: 'C:\\Users\\me', env: {} }
    const mine = resolveFolders({ home: undefined }, windows).socketPath
    expect(mine).toMatch(/^\\\\\.\\pipe\\catchd-[0-9a-f]{16}$/)
    expect(resolveFolders({ home: '/x' }, windows).socketPath).not.toBe(mine)
    const other = resolveFolders({ home: undefined }, { ...windows, homeFolder: 'C:\\Users\\you' }).socketPath
    expect(other).not.toBe(mine)
  })

  test.each([
    ['linux', 107],
    ['darwin', 103],
  ] as const)('a socket path that %s would cut off is refused', (platform, most) => {
    const home = (length: number) => ({ home: `/${'x'.repeat(length - '//run/catchd.sock'.length)}` })
    expect(resolveFolders(home(most), { ...linux, platform }).socketPath).toHaveLength(most)
    const failure = failureOf(() => resolveFolders(home(most + 1), { ...linux, platform }))
    expect(failure).toMatchObject({ code: 'config_invalid', exitCode: 7 })
    expect(failure.detail).toContain(`${most + 1} bytes`)
    expect(failure.detail).toContain('CATCHD_HOME')
  })
})

describe.skipIf(process.platform === 'win32')('ensuring a folder', () => {
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

  test.each([0o000, 0o022, 0o077, 0o777])('new folders are 0700 under umask %o', async (umask) => {
    const path = join(await temporaryFolder(), 'a', 'b')
    const before = process.umask(umask)
    try {
      await ensureFolder(path)
    } finally {
      process.umask(before)
    }
    expect(modeOf(path)).toBe('700')
    expect(modeOf(join(path, '..'))).toBe('700')
    await ensureFolder(path)
  })

  test('an own folder that others can read is tightened', async () => {
    const path = join(await temporaryFolder(), 'a')
    mkdirSync(path)
    chmodSync(path, 0o755)
    await ensureFolder(path)
    expect(modeOf(path)).toBe('700')
  })

  test.each([0o770, 0o702, 0o1777])('a folder that others can write to is refused: %o', async (mode) => {
    const path = join(await temporaryFolder(), 'a')
    mkdirSync(path)
    chmodSync(path, mode)
    const failure = await rejectionOf(ensureFolder(path))
    expect(failure).toMatchObject({ code: 'config_invalid', exitCode: 7 })
    expect(failure.detail).toContain(`chmod 700 ${path}`)
    expect(statSync(path).mode & 0o7777).toBe(mode)
  })

  test('an own symbolic link to an own folder is followed', async () => {
    const folder = await temporaryFolder()
    mkdirSync(join(folder, 'real'))
    symlinkSync(join(folder, 'real'), join(folder, 'link'))
    await ensureFolder(join(folder, 'link'))
    expect(modeOf(join(folder, 'real'))).toBe('700')
  })

  test.skipIf(!isRoot)("another user's folder and symbolic link are refused", async () => {
    const folder = await temporaryFolder()
    mkdirSync(join(folder, 'theirs'), { mode: 0o700 })
    chownSync(join(folder, 'theirs'), 65_534, 65_534)
    expect((await rejectionOf(ensureFolder(join(folder, 'theirs')))).detail).toContain('another user')
    mkdirSync(join(folder, 'mine'), { mode: 0o700 })
    symlinkSync(join(folder, 'mine'), join(folder, 'link'))
    lchownSync(join(folder, 'link'), 65_534, 65_534)
    const failure = await rejectionOf(ensureFolder(join(folder, 'link')))
    expect(failure).toMatchObject({ code: 'config_invalid', exitCode: 7 })
    expect(failure.detail).toContain('symbolic link')
  })

  test.each(['file', 'fifo', 'dangling link'])(
    'a %s in its place is refused and left alone',
    async (kind) => {
      const path = join(await temporaryFolder(), 'a')
      if (kind === 'file') writeFileSync(path, 'precious')
      else if (kind === 'fifo') execFileSync('mkfifo', [path])
      else symlinkSync('/nonexistent/folder', path)
      expect(await rejectionOf(ensureFolder(path))).toMatchObject({ code: 'config_invalid' })
    },
  )

  test('a folder that cannot be made is a configuration failure with the reason', async () => {
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    const failure = await rejectionOf(ensureFolder(join(folder, 'file', 'below')))
    expect(failure.code).toBe('config_invalid')
    expect(failure.detail).toContain('ENOTDIR')
  })
})
