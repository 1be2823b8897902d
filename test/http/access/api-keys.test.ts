import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ApiKeys } from '../../../src/http/access/api-keys.js'
import { ManualClock } from '../../support/manual-clock.js'

function stateFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-keys-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
const CI = { name: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: null } as const

test.each([0o000, 0o022, 0o777])('the admin key is made once, 0600 under umask %o', async (umask) => {
  const folder = stateFolder()
  const before = process.umask(umask)
  try {
    await ApiKeys.open(folder)
  } finally {
    process.umask(before)
  }
  const path = join(folder, 'admin.key')
  const key = readFileSync(path, 'utf8')
  expect(Buffer.from(key, 'base64url')).toHaveLength(32)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['admin.key'])
  const again = await ApiKeys.open(folder)
  expect(readFileSync(path, 'utf8')).toBe(key)
  expect(again.authenticate(`Bearer ${key}`)?.name).toBe('admin')
})

test('two that start at once have the same admin key', async () => {
  const folder = stateFolder()
  const rings = await Promise.all(Array.from({ length: 8 }, () => ApiKeys.open(folder)))
  const header = `Bearer ${readFileSync(join(folder, 'admin.key'), 'utf8')}`
  expect(rings.map((ring) => ring.authenticate(header)?.name)).toEqual(Array(8).fill('admin'))
})

test.each([
  ['readable by others', (path: string) => chmodSync(path, 0o640), /chmod 600/],
  ['writable by others', (path: string) => chmodSync(path, 0o602), /chmod 600/],
  ['empty', (path: string) => writeFileSync(path, ''), /contains no valid admin key/],
  ['cut short', (path: string) => writeFileSync(path, 'abc'), /contains no valid admin key/],
  [
    'too large',
    (path: string) => writeFileSync(path, Buffer.alloc(5_000_000)),
    /not a file of catchd: it has to be a regular file of at most 4 MiB/,
  ],
  [
    'a folder',
    (path: string) => {
      rmSync(path)
      mkdirSync(path)
    },
    /not a file of catchd: it has to be a regular file of at most 4 MiB/,
  ],
  [
    'a symbolic link',
    (path: string) => {
      const elsewhere = `${path}.elsewhere`
      writeFileSync(elsewhere, 'A'.repeat(43), { mode: 0o600 })
      rmSync(path)
      symlinkSync(elsewhere, path)
    },
    /symbolic link/,
  ],
])('an admin.key that is %s is refused, left alone and not repeated', async (_name, spoil, rule) => {
  const folder = stateFolder()
  await ApiKeys.open(folder)
  const path = join(folder, 'admin.key')
  spoil(path)
  const failure = await ApiKeys.open(folder).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'config_invalid', detail: expect.stringMatching(rule) })
  expect(String(failure)).not.toContain('AAAA')
})

describe('a connection that has shown a key', () => {
  const connection = {}
  const opened = async (clock = new ManualClock()) => {
    const ring = await ApiKeys.open(stateFolder(), clock)
    const { key } = await ring.add({ ...CI, expiresInSeconds: 60 })
    const header = `Bearer ${key.reveal()}`
    expect(ring.authenticate(header, connection)?.name).toBe('ci')
    return { ring, clock, header }
  }

  test('is not let in with another one for that', async () => {
    const { ring, header } = await opened()
    expect(ring.authenticate(`${header}x`, connection)).toBeUndefined()
    expect(ring.authenticate('Bearer ', connection)).toBeUndefined()
    expect(ring.authenticate(undefined, connection)).toBeUndefined()
    const other = await ring.add({ ...CI, name: 'other', expiresInSeconds: null })
    expect(ring.authenticate(`Bearer ${other.key.reveal()}`, connection)?.name).toBe('other')
    expect(ring.authenticate(header, connection)?.name).toBe('ci')
  })

  test('is shut out with the next request when the key is removed, whoever has its name then', async () => {
    const { ring, header } = await opened()
    await ring.remove('ci')
    expect(ring.authenticate(header, connection)).toBeUndefined()
    await ring.add({ ...CI, expiresInSeconds: null })
    expect(ring.authenticate(header, connection)).toBeUndefined()
  })

  test('is shut out when the key expires', async () => {
    const { ring, clock, header } = await opened()
    clock.jump(60_000)
    expect(ring.authenticate(header, connection)).toBeUndefined()
  })
})

test.skipIf(process.getuid?.() !== 0)('an admin.key of another user is refused', async () => {
  const folder = stateFolder()
  await ApiKeys.open(folder)
  chownSync(join(folder, 'admin.key'), 65534, 65534)
  await expect(ApiKeys.open(folder)).rejects.toMatchObject({
    code: 'config_invalid',
    detail: expect.stringContaining('belongs to another user'),
  })
})

test('an admin key with a line end, as an editor leaves it, is the key', async () => {
  const folder = stateFolder()
  const key = randomBytes(32).toString('base64url')
  writeFileSync(join(folder, 'admin.key'), `${key}\n`, { mode: 0o600 })
  expect((await ApiKeys.open(folder)).authenticate(`Bearer ${key}`)).toBeDefined()
})

test('keys of clients survive a restart, as hashes', async () => {
  const folder = stateFolder()
  const ring = await ApiKeys.open(folder)
  const made = await Promise.all(['a', 'b', 'c'].map((name) => ring.add({ ...CI, name })))
  await ring.remove('b')
  const path = join(folder, 'clients.json')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const text = readFileSync(path, 'utf8')
  for (const { key } of made) expect(text).not.toContain(key.reveal())
  const again = await ApiKeys.open(folder)
  expect(again.list()).toEqual(ring.list())
  const found = made.map(({ key }) => again.authenticate(`Bearer ${key.reveal()}`)?.name)
  expect(found).toEqual(['a', undefined, 'c'])
})

test('no key begins with a hyphen, which a command line would take for an option', async () => {
  const ring = await ApiKeys.open(stateFolder())
  for (let n = 0; n < 300; n++) {
    const { key } = await ring.add(CI)
    expect(key.reveal()).toMatch(/^\w[\w-]{42}$/)
    await ring.remove(CI.name)
  }
})

test.each(['', '{', '{"version":2,"clients":[]}', '{"version":1}', '[]'])(
  'a damaged record of keys is refused, not overwritten: %s',
  async (text) => {
    const folder = stateFolder()
    const path = join(folder, 'clients.json')
    writeFileSync(path, text, { mode: 0o600 })
    await expect(ApiKeys.open(folder)).rejects.toMatchObject({ code: 'config_invalid' })
    expect(readFileSync(path, 'utf8')).toBe(text)
  },
)

test('a key that could not be written does not hold', async () => {
  const folder = stateFolder()
  const ring = await ApiKeys.open(folder)
  mkdirSync(join(folder, 'clients.json'))
  await expect(ring.add(CI)).rejects.toMatchObject({ code: 'config_invalid' })
  expect(ring.list()).toEqual([])
  rmSync(join(folder, 'clients.json'), { recursive: true })
  await ring.add(CI)
  expect(ring.get('ci').profiles).toEqual(['gw'])
})

test('10,000 wrong keys open nothing, nor do keys that are nearly right', async () => {
  const folder = stateFolder()
  const ring = await ApiKeys.open(folder)
  const { key } = await ring.add(CI)
  const right = key.reveal()
  for (let count = 0; count < 10_000; count++) {
    const wrong = randomBytes(32).toString('base64url')
    if (ring.authenticate(`Bearer ${wrong}`) !== undefined) throw new Error('a wrong key opened')
  }
  for (let length = 0; length < right.length; length++) {
    expect(ring.authenticate(`Bearer ${right.slice(0, length)}`)).toBeUndefined()
  }
  expect(ring.list().map((client) => ring.useOf(client))).toEqual([{ lastUsedAtMs: null, uses: 0 }])
  expect(ring.authenticate(`Bearer ${right}`)?.name).toBe('ci')
})

test('the clock decides when a key ends', async () => {
  const clock = new ManualClock()
  const ring = await ApiKeys.open(stateFolder(), clock)
  const { key } = await ring.add({ ...CI, expiresInSeconds: 60 })
  const header = `Bearer ${key.reveal()}`
  clock.jump(59_999)
  expect(ring.authenticate(header)).toBeDefined()
  clock.jump(1)
  expect(ring.authenticate(header)).toBeUndefined()
  expect(ring.get('ci').name).toBe('ci') // still listed, so that the user sees why it fails
})
