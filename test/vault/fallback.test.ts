/** What is said where no keychain is used: the cause, and the command for it on this system. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { examineFallback, type Fallback, KnownFallback } from '../../src/vault/fallback.js'
import type { KeychainTrouble } from '../../src/vault/keychain-engine.js'
import { type KeychainHost, keychainFix } from '../../src/vault/keychain-fix.js'
import { rememberVault } from '../../src/vault/vault-choice.js'

let folder = ''
/** A socket that exists. */
let bus = ''
const server = createServer()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catchd-fallback-'))
  bus = join(folder, 'bus')
  await new Promise<void>((resolve) => server.listen(bus, resolve))
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true, force: true })
})

interface Facts {
  readonly platform?: NodeJS.Platform
  readonly programs?: readonly string[]
  readonly hasBus?: boolean
}

function host({ platform = 'linux', programs = [], hasBus = false }: Facts): KeychainHost {
  return {
    platform,
    env: hasBus ? { DBUS_SESSION_BUS_ADDRESS: `unix:path=${bus}` } : { XDG_RUNTIME_DIR: '/nonexistent' },
    isRoot: false,
    hasProgram: (name) => programs.includes(name),
  }
}

const GNOME = 'gnome-keyring-daemon'
const UNLOCK = 'gnome-keyring-daemon --replace --unlock'
const KEEP = 'catchd config set daemon.vault file'
const AGAIN = /^npm install --prefix \S+ --no-save --include=optional$/

test.each<[KeychainTrouble, Facts, string | RegExp | undefined]>([
  ['no_engine', { programs: ['apt', GNOME] }, 'sudo apt install libsecret-tools'],
  ['no_engine', { programs: ['apt', 'keepassxc'] }, 'sudo apt install libsecret-tools'],
  [
    'no_engine',
    { programs: ['apt'] },
    'sudo apt install libsecret-tools gnome-keyring dbus-user-session libsecret-1-0',
  ],
  ['no_engine', { programs: ['dnf'] }, 'sudo dnf install libsecret gnome-keyring'],
  ['no_engine', { programs: ['pacman', 'kwalletd6'] }, 'sudo pacman -S libsecret'],
  ['no_engine', { programs: ['zypper', GNOME] }, 'sudo zypper install libsecret-tools'],
  ['no_engine', { programs: ['apk', GNOME] }, 'sudo apk add libsecret'],
  ['no_engine', {}, AGAIN],
  ['no_engine', { platform: 'darwin' }, AGAIN],
  ['no_engine', { platform: 'win32' }, /^npm install --prefix .* --no-save --include=optional$/],
  ['no_keychain', { programs: ['apt'] }, 'sudo apt install gnome-keyring dbus-user-session libsecret-1-0'],
  ['no_keychain', { programs: ['dnf'], hasBus: true }, 'sudo dnf install gnome-keyring libsecret'],
  ['no_keychain', { programs: [GNOME, 'apt'], hasBus: true }, UNLOCK],
  ['no_keychain', { programs: [GNOME, 'apt'] }, KEEP],
  ['no_keychain', { programs: ['keepassxc'], hasBus: true }, KEEP],
  ['no_keychain', {}, KEEP],
  ['no_keychain', { platform: 'darwin' }, KEEP],
  ['locked', { programs: [GNOME] }, UNLOCK],
  ['locked', { programs: ['kwalletd6'] }, undefined],
  ['locked', { platform: 'darwin' }, undefined],
  ['silent', { programs: [GNOME] }, 'pkill -KILL -x gnome-keyring-d'],
  ['silent', {}, undefined],
  ['failed', { programs: ['apt'] }, undefined],
])('%s, %j: %s', (trouble, facts, command) => {
  const found = keychainFix(trouble, host(facts))
  if (command instanceof RegExp) expect(found).toMatch(command)
  else expect(found).toBe(command)
})

describe('what is remembered', () => {
  test('a vault that the user chose or moved to is not explained; one that `auto` fell back to is', async () => {
    const here = host({ programs: ['apt'] })
    expect(await examineFallback(folder, here)).toBeUndefined()
    await rememberVault(folder, 'file', 'no_keychain')
    expect(await examineFallback(folder, here)).toEqual({
      reason:
        'There is no keychain in this session (no D-Bus session bus). Tokens are stored in the sealed file.',
      next: 'sudo apt install gnome-keyring dbus-user-session libsecret-1-0',
    })
    const server = await examineFallback(folder, host({}))
    expect(server?.reason).toContain('or keep the sealed file')
    await rememberVault(folder, 'file')
    expect(await examineFallback(folder, here)).toBeUndefined()
    await writeFile(join(folder, 'vault.json'), '{"version":1,"vault":"file","because":"a thing"}')
    expect(await examineFallback(folder, here), 'of a newer version').toBeUndefined()
  })
})

describe('asked again and again', () => {
  const fallback = (reason: string): Fallback => ({ reason, next: 'x' })

  test('it is looked at once in ten seconds, and a late answer counts next time', async () => {
    let asked = 0
    const late: ((answer: Fallback) => void)[] = []
    const known = new KnownFallback(() => {
      asked += 1
      if (asked === 1) return Promise.resolve(fallback('first'))
      return new Promise((resolve) => late.push(resolve))
    })
    expect(await Promise.all([known.tell(0), known.tell(0)])).toEqual([fallback('first'), fallback('first')])
    expect(await known.tell(9_999)).toEqual(fallback('first'))
    expect(asked).toBe(1)
    expect(await known.tell(10_000), 'not waited for').toEqual(fallback('first'))
    late[0]?.(fallback('second'))
    expect(await known.tell(10_001)).toEqual(fallback('second'))
    expect(asked).toBe(2)
  })
})
