import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ConfigurationChange, ConfigurationStore } from '../../src/config/store.js'
import { failureOf, rejectionOf, temporaryFolder, until } from './support.js'

const isRoot = process.getuid?.() === 0
const entry = { issuer: 'https://id.example.com', client_id: 'c' }
const textOf = (profiles: Record<string, unknown>) => `${JSON.stringify({ profiles }, null, 2)}\n`

async function open(text?: string) {
  const folder = await temporaryFolder()
  const file = join(folder, 'config.jsonc')
  if (text !== undefined) writeFileSync(file, text)
  return { folder, file, ...(await openAt(file)) }
}

async function openAt(file: string) {
  const changes: ConfigurationChange[] = []
  const store = await ConfigurationStore.open({ file, redirectPort: 8252 })
  store.onChange((change) => changes.push(change))
  onTestFinished(() => store.close())
  return { store, changes }
}

const names = (store: ConfigurationStore) => [...store.profiles().keys()]

describe('reading', () => {
  test('profiles come resolved, entries as written', async () => {
    const { store, file } = await open(textOf({ a: entry }))
    expect(store.profile('a')).toMatchObject({ name: 'a', redirect_uri: 'http://127.0.0.1:8252/callback/a' })
    expect(store.profile('a')).toBe(store.profile('a'))
    expect(store.entries().get('a')).toEqual(entry)
    expect(store.status()).toEqual({ path: file, ok: true, error: null })
  })

  test('a missing file, and a missing folder, is an empty configuration', async () => {
    const { store } = await open()
    expect(store.profiles().size).toBe(0)
    expect(store.status().ok).toBe(true)
    const { store: other } = await openAt(join(await temporaryFolder(), 'no', 'config.jsonc'))
    expect(other.status().ok).toBe(true)
  })

  test('an unknown profile gets a suggestion', async () => {
    const { store } = await open(textOf({ work: entry }))
    const failure = failureOf(() => store.profile('wrok'))
    expect(failure).toMatchObject({ code: 'profile_unknown', profile: 'wrok', exitCode: 7 })
    expect(failure.detail).toBe('There is no profile "wrok". Did you mean "work"?')
  })

  test('a name that cannot be a profile is not repeated', async () => {
    const { store } = await open()
    expect(failureOf(() => store.profile('<script>\n')).message).not.toContain('script')
  })

  test('a bad file at the start is no reason to fail; every profile then says why', async () => {
    const { store, file } = await open('{\n  "profiles": {\n    "a": { "scopes": "x" }\n  }\n}')
    const error = `${file}:3:12: "scopes" is not a known name in profile "a". Did you mean "scope"?`
    expect(store.status()).toEqual({ path: file, ok: false, error })
    expect(failureOf(() => store.profile('a'))).toMatchObject({ code: 'config_invalid', detail: error })
  })

  test.each([
    ['an unknown preset', { a: entry, b: { preset: 'githbu', client_id: 'c' } }, ':7:5: '],
    [
      'a rule',
      { a: entry, b: { ...entry, redirect_uri: 'http://example.com/' } },
      ':10:7: "redirect_uri" of profile "b"',
    ],
    ['an unfinished profile', { a: entry, b: { client_id: 'c' } }, ':7:5: Profile "b" is not complete.'],
    ['a circle', { a: { ...entry, extends: 'a' } }, ':3:5: '],
  ])('%s refuses the whole file, with the place', async (_what, profiles, error) => {
    const { store, file } = await open(textOf(profiles))
    expect(store.status().ok).toBe(false)
    expect(store.status().error).toContain(`${file}${error}`)
    expect(store.profiles().size).toBe(0)
  })

  test('an unfinished entry that another extends is fine, and cannot be used itself', async () => {
    const { store } = await open(
      textOf({ base: { issuer: entry.issuer }, a: { extends: 'base', client_id: 'c' } }),
    )
    expect(names(store)).toEqual(['a'])
    expect([...store.entries().keys()]).toEqual(['a'])
    expect(failureOf(() => store.profile('base')).code).toBe('profile_invalid')
  })

  test('says which profiles share a redirect URI with another server', async () => {
    const redirect_uri = 'http://127.0.0.1:8252/callback'
    const two = 'https://two.example.com'
    const { store } = await open(
      textOf({ a: { ...entry, redirect_uri }, b: { ...entry, issuer: two, redirect_uri }, c: entry }),
    )
    expect(['a', 'b', 'c'].map((name) => store.issRequired(name))).toEqual([true, true, false])
  })

  test('warns of a secret in the file', async () => {
    const { store, file } = await open(textOf({ a: { ...entry, client_secret: 's3cr3t-canary' } }))
    expect(store.warnings()).toEqual([expect.stringContaining(`${file}:6:7: the client_secret`)])
    expect(JSON.stringify([store.warnings(), store.status()])).not.toContain('canary')
  })

  test.skipIf(process.platform === 'win32')(
    'a file that others can write is refused with the command, and the last good configuration stays',
    async () => {
      const { store, file } = await open(textOf({ a: entry }))
      for (const mode of [0o666, 0o620, 0o602]) {
        writeFileSync(file, textOf({ b: entry }))
        chmodSync(file, mode)
        await store.load()
        expect(store.status()).toMatchObject({
          ok: false,
          error: expect.stringContaining(`chmod go-w ${file}`),
        })
        expect(names(store)).toEqual(['a'])
      }
      await expect(store.put('c', entry)).rejects.toMatchObject({ next: `chmod go-w ${file}` })
      chmodSync(file, 0o644)
      await store.load()
      expect(names(store)).toEqual(['b'])
    },
  )

  test.skipIf(process.platform === 'win32')('so is one in a folder that others can write to', async () => {
    const { store, file } = await open(textOf({ a: entry }))
    const shared = join(dirname(file), 'shared')
    mkdirSync(shared)
    const target = join(shared, 'config.jsonc')
    writeFileSync(target, textOf({ b: entry }))
    rmSync(file)
    symlinkSync(target, file)
    chmodSync(shared, 0o777)
    await store.load()
    expect(store.status().error).toContain(`chmod go-w ${shared}`)
    expect(names(store)).toEqual(['a'])
    chmodSync(shared, 0o1777) // nobody else can replace the file there
    await store.load()
    expect(names(store)).toEqual(['b'])
  })

  test.skipIf(!isRoot)("another user's file is refused", async () => {
    const { store, file } = await open(textOf({ a: entry }))
    chownSync(file, 65_534, 65_534)
    await store.load()
    expect(store.status().error).toContain('belongs to another user')
    expect(names(store)).toEqual(['a'])
  })

  test('a file that is not UTF-8 is refused with the line, and no edit replaces its bytes', async () => {
    const { store, file } = await open(textOf({ a: entry }))
    const broken = Buffer.from(`// caf\xe9\n${textOf({ b: entry })}`, 'latin1')
    writeFileSync(file, broken)
    await store.load()
    expect(store.status().error).toBe(`${file}:1 is not valid UTF-8.`)
    expect(names(store)).toEqual(['a'])
    expect(await rejectionOf(store.put('c', entry))).toMatchObject({ code: 'config_invalid' })
    expect(readFileSync(file)).toEqual(broken)
  })

  test.each(['folder', 'fifo', 'huge file', 'link to itself'])(
    'a %s in its place is an error, not a hang',
    async (kind) => {
      const file = join(await temporaryFolder(), 'config.jsonc')
      if (kind === 'folder') mkdirSync(file)
      else if (kind === 'fifo') execFileSync('mkfifo', [file])
      else if (kind === 'huge file') writeFileSync(file, ' '.repeat(1024 * 1024 + 1))
      else symlinkSync('config.jsonc', file)
      const { store } = await openAt(file)
      expect(store.status().ok).toBe(false)
      expect(await rejectionOf(store.put('a', entry))).toMatchObject({ code: 'config_invalid' })
    },
  )
})

describe('saving the file takes effect', () => {
  test('when it is written over, with the names of what changed', async () => {
    const { store, file, changes } = await open(textOf({ a: entry, b: entry, c: entry }))
    changes.length = 0
    writeFileSync(file, textOf({ a: entry, b: { ...entry, scope: 'x' }, d: entry }))
    await until(() => names(store).includes('d'))
    expect(store.profile('b').scope).toBe('x')
    expect(changes).toHaveLength(1)
    expect(changes[0]).toMatchObject({ added: ['d'], changed: ['b'], removed: ['c'] })
  })

  test('when an editor renames a new file over it, again and again', async () => {
    const { store, folder, file } = await open(textOf({ a: entry }))
    for (const name of ['b', 'c', 'd']) {
      writeFileSync(join(folder, 'config.jsonc.new'), textOf({ [name]: entry }))
      renameSync(join(folder, 'config.jsonc.new'), file)
      await until(() => names(store).includes(name))
    }
  })

  test('when it is moved away and written anew, without a moment of no profiles', async () => {
    const { store, file, changes } = await open(textOf({ a: entry }))
    renameSync(file, `${file}~`)
    await new Promise((resolve) => setTimeout(resolve, 120))
    writeFileSync(file, textOf({ a: entry, b: entry }))
    await until(() => names(store).includes('b'))
    for (const { removed } of changes) expect(removed).toEqual([])
    expect(changes.at(-1)).toMatchObject({ added: ['b'], changed: [] })
  })

  test('when it is removed for good', async () => {
    const { store, file } = await open(textOf({ a: entry }))
    rmSync(file)
    await until(() => store.profiles().size === 0)
    expect(store.status().ok).toBe(true)
  })

  test('when folder and file come later, and when the folder is replaced', async () => {
    const folder = join(await temporaryFolder(), 'later')
    const file = join(folder, 'config.jsonc')
    const { store } = await openAt(file)
    mkdirSync(folder)
    writeFileSync(file, textOf({ a: entry }))
    await until(() => names(store).includes('a'))
    rmSync(folder, { recursive: true })
    await until(() => store.profiles().size === 0)
    mkdirSync(folder)
    writeFileSync(file, textOf({ b: entry }))
    await until(() => names(store).includes('b'))
  })

  test('when it is a symbolic link and the target changes', async () => {
    const folder = await temporaryFolder()
    mkdirSync(join(folder, 'dotfiles'))
    mkdirSync(join(folder, 'catchd'))
    const target = join(folder, 'dotfiles', 'catchd.jsonc')
    writeFileSync(target, textOf({ a: entry }))
    symlinkSync('../dotfiles/catchd.jsonc', join(folder, 'catchd', 'config.jsonc'))
    const { store } = await openAt(join(folder, 'catchd', 'config.jsonc'))
    writeFileSync(target, textOf({ b: entry }))
    await until(() => names(store).includes('b'))
  })

  test('a bad save keeps the last good configuration and says so', async () => {
    const { store, file, changes } = await open(textOf({ a: entry }))
    changes.length = 0
    writeFileSync(file, '{ "profiles": { "a": {')
    await until(() => !store.status().ok)
    expect(store.profile('a').name).toBe('a')
    expect(store.status().error).toContain(`${file}:1:23: `)
    expect(failureOf(() => store.profile('b')).code).toBe('config_invalid')
    expect(changes).toMatchObject([{ ok: false, added: [], changed: [], removed: [] }])
    writeFileSync(file, textOf({ b: entry }))
    await until(() => store.status().ok)
    expect(names(store)).toEqual(['b'])
    expect(failureOf(() => store.profile('a')).code).toBe('profile_unknown')
  })

  test('nobody hears of a save that changes nothing, or of anything once they asked not to', async () => {
    const { store, file, changes } = await open(textOf({ a: entry }))
    const heard: unknown[] = []
    store.onChange((change) => heard.push(change))()
    changes.length = 0
    writeFileSync(file, `// a comment\n${textOf({ a: entry })}`)
    await store.load()
    expect(changes).toEqual([])
    writeFileSync(file, textOf({ b: entry }))
    await until(() => names(store).includes('b'))
    expect(heard).toEqual([])
  })
})

describe('how a person is told', () => {
  const silent = { loginRequiredCommand: null, desktop: false, beforeSeconds: 86_400 }

  test('without the keys nobody is', async () => {
    expect((await open()).store.notices()).toEqual(silent)
    expect((await open('{"hooks": {}, "notify": {}}')).store.notices()).toEqual(silent)
  })

  test('a program with a slash is relative to the folder, another is looked up in PATH', async () => {
    const { store, folder, file } = await open('{"hooks": {"login_required": ["./tell", "./x"]}}')
    expect(store.notices().loginRequiredCommand).toEqual([join(folder, 'tell'), './x'])
    writeFileSync(file, '{"hooks": {"login_required": ["tell"]}}')
    await store.load()
    expect(store.notices().loginRequiredCommand).toEqual(['tell'])
  })

  test('a change is taken over and told of, a mistake keeps what was', async () => {
    const { store, file, changes } = await open(textOf({ a: entry }))
    writeFileSync(
      file,
      JSON.stringify({ profiles: { a: entry }, notify: { desktop: true, before_seconds: 60 } }),
    )
    await until(() => store.notices().desktop)
    expect(store.notices()).toEqual({ ...silent, desktop: true, beforeSeconds: 60 })
    expect(changes.at(-1)).toMatchObject({ added: [], changed: [], removed: [] })
    const told = changes.length
    writeFileSync(file, JSON.stringify({ profiles: { a: entry }, notify: { desktop: 1 } }))
    await until(() => !store.status().ok)
    expect(store.notices()).toEqual({ ...silent, desktop: true, beforeSeconds: 60 })
    expect(changes.length).toBe(told + 1)
  })

  test('putting a profile keeps them', async () => {
    const { store, file } = await open('{"notify": {"desktop": true}}')
    await store.put('a', entry)
    expect(store.notices().desktop).toBe(true)
    expect(readFileSync(file, 'utf8')).toContain('"desktop": true')
  })
})

describe('putting and removing', () => {
  test.each([0, 0o777])(
    'the file, its folder and the schema are made, private to the user, under umask %o',
    async (umask) => {
      const folder = join(await temporaryFolder(), 'catchd')
      const file = join(folder, 'config.jsonc')
      const { store } = await openAt(file)
      const before = process.umask(umask)
      try {
        expect(await store.put('gw', entry)).toEqual({ created: true })
      } finally {
        process.umask(before)
      }
      expect(store.profile('gw').client_id).toBe('c')
      const text = readFileSync(file, 'utf8')
      expect(text).toContain('"$schema": "./config.schema.json"')
      expect(text).toContain('// ')
      expect(readdirSync(folder).sort()).toEqual(['config.jsonc', 'config.schema.json'])
      expect(JSON.parse(readFileSync(join(folder, 'config.schema.json'), 'utf8'))).toHaveProperty(
        'properties.profiles',
      )
      if (process.platform === 'win32') return
      expect(statSync(folder).mode & 0o777).toBe(0o700)
      for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
    },
  )

  test('take effect at once, keep comments, and are heard of once', async () => {
    const { store, file, changes } = await open(`// mine\n${textOf({ a: entry })}`)
    changes.length = 0
    expect(await store.put('a', { ...entry, scope: 'x' })).toEqual({ created: false })
    expect(store.profile('a').scope).toBe('x')
    await store.put('b', entry)
    await store.remove('a')
    expect(names(store)).toEqual(['b'])
    expect(readFileSync(file, 'utf8')).toMatch(/^\/\/ mine\n/)
    expect(changes.map(({ added, changed, removed }) => [added, changed, removed])).toEqual([
      [[], ['a'], []],
      [['b'], [], []],
      [[], [], ['a']],
    ])
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(changes).toHaveLength(3)
  })

  test('many at once are all there', async () => {
    const { store } = await open()
    const wanted = Array.from({ length: 20 }, (_, index) => `p${index}`)
    await Promise.all(wanted.map((name) => store.put(name, entry)))
    expect(names(store)).toEqual(wanted)
  })

  test.each<[string, Parameters<ConfigurationStore['put']>, string]>([
    ['a bad name', ['../a', entry], 'config_invalid'],
    ['a key that is not known', ['b', { ...entry, ...{ scopes: 'x' } }], 'config_invalid'],
    ['a preset that is not known', ['b', { preset: 'no-such-server', client_id: 'c' }], 'config_invalid'],
    ['something missing', ['b', { client_id: 'c' }], 'profile_invalid'],
    [
      'a rule broken together with another profile',
      ['b', { ...entry, redirect_uri: 'http://127.0.0.1:1/a', state_echo: false }],
      'config_invalid',
    ],
    ['more than the file may hold', ['b', { ...entry, scope: 'x'.repeat(1024 * 1024) }], 'config_invalid'],
  ])('%s: nothing is written', async (_what, [name, bad], code) => {
    const { store, file } = await open(textOf({ a: { ...entry, redirect_uri: 'http://127.0.0.1:1/a' } }))
    const before = readFileSync(file, 'utf8')
    expect((await rejectionOf(store.put(name, bad))).code).toBe(code)
    expect(readFileSync(file, 'utf8')).toBe(before)
    expect(names(store)).toEqual(['a'])
    expect(store.status().ok).toBe(true)
  })

  test('are refused while the file on the disk is bad, which stays as it is', async () => {
    const { store, file } = await open(textOf({ a: entry }))
    writeFileSync(file, '{ oops')
    const failure = await rejectionOf(store.put('b', entry))
    expect(failure).toMatchObject({ code: 'config_invalid', exitCode: 7 })
    expect(failure.detail).toContain('The configuration file has a mistake. Correct it first: ')
    expect(failure.detail).toContain(`${file}:1:3: `)
    expect(await rejectionOf(store.remove('a'))).toMatchObject({ code: 'config_invalid' })
    expect(readFileSync(file, 'utf8')).toBe('{ oops')
  })

  test('what was saved a moment before by hand is not lost', async () => {
    const { store, file } = await open(textOf({ a: entry }))
    writeFileSync(file, textOf({ a: entry, byhand: entry }))
    await store.put('b', entry)
    expect(names(store)).toEqual(['a', 'byhand', 'b'])
  })

  test('a profile that is not there, or that another extends, cannot be removed', async () => {
    const { store } = await open(textOf({ base: entry, a: { extends: 'base' } }))
    expect(await rejectionOf(store.remove('bas'))).toMatchObject({ code: 'profile_unknown' })
    expect((await rejectionOf(store.remove('base'))).detail).toContain('extends names "base"')
    expect(names(store)).toEqual(['base', 'a'])
  })

  test('a symbolic link is written through', async () => {
    const folder = await temporaryFolder()
    mkdirSync(join(folder, 'catchd'))
    symlinkSync('../dotfile.jsonc', join(folder, 'catchd', 'config.jsonc'))
    const { store } = await openAt(join(folder, 'catchd', 'config.jsonc'))
    await store.put('a', entry)
    expect(readFileSync(join(folder, 'dotfile.jsonc'), 'utf8')).toContain('"a"')
    expect(readdirSync(folder).sort()).toEqual(['catchd', 'dotfile.jsonc'])
  })

  test.skipIf(process.platform === 'win32')(
    'into a folder that others can write to are refused',
    async () => {
      const { store, folder, file } = await open()
      chmodSync(folder, 0o777)
      expect((await rejectionOf(store.put('a', entry))).detail).toContain('chmod 700')
      expect(existsSync(file)).toBe(false)
    },
  )
})

test('10,000 profiles are read, looked up and changed; looking one up costs what it costs among ten', async () => {
  const textOf = (count: number) =>
    JSON.stringify({
      profiles: Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
          `p${index}`,
          { issuer: `https://i${index}.test`, client_id: 'c' },
        ]),
      ),
    })
  const lookUp = (store: ConfigurationStore) => {
    const rounds = [1, 2, 3, 4, 5].map(() => {
      const begun = process.cpuUsage()
      for (let count = 0; count < 10_000; count += 1) store.profile(`p${count % 10}`)
      return process.cpuUsage(begun).user
    })
    return Math.min(...rounds)
  }
  const { store: small } = await open(textOf(10))
  const { store } = await open(textOf(10_000))
  expect(store.profiles().size).toBe(10_000)
  expect(lookUp(store) / lookUp(small)).toBeLessThan(50) // a search through all of them would be a thousand
  await store.put('p9999', { issuer: 'https://i.test', client_id: 'other' })
  expect(store.profile('p9999').client_id).toBe('other')
})
