import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EnvironmentVariables, parseEnvironment } from '../../src/config/environment.js'
import { isPlainEnvironment, readSimpleTokenCommand } from '../../src/fast-path/quick-token.js'
import { tokenText } from '../../src/fast-path/token-format.js'
import { FakeDaemon, problem } from '../client/fake-daemon.js'
import { fakeDaemon, run, start } from './run.js'

const TOKEN = {
  access_token: 'at-1',
  token_type: 'Bearer',
  expires_in: 3600,
  expires_at: '2026-11-23T15:00:00Z',
  scope: 'email',
  profile: 'gw',
  context: { instance_url: 'https://na139.example', tenant: { id: 7 }, quiet: true, note: 'a\u001b[2Jb' },
}

describe('the four formats', () => {
  test.each([
    ['raw', 'at-1\n'],
    ['header', 'Authorization: Bearer at-1\n'],
    ['env', "ACCESS_TOKEN='at-1'\nACCESS_TOKEN_EXPIRES_AT='2026-11-23T15:00:00Z'\n"],
    ['json', `${JSON.stringify(TOKEN)}\n`],
  ])('%s, on the short way and on the long one', async (format, expected) => {
    const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': { body: TOKEN } })
    const [short, long] = await Promise.all([
      run(daemon, ['token', 'gw', '--format', format]),
      run(daemon, ['token', `--format=${format}`, 'gw']),
    ])
    expect(short).toEqual({ exitCode: 0, stdout: expected, stderr: '' })
    expect(long).toEqual(short)
  })

  test('a token with quotes and blanks cannot leave its quotes in a shell', () => {
    const text = tokenText({ ...TOKEN, access_token: "a'; rm -rf ~; '", expires_at: null }, 'env')
    expect(text).toBe("ACCESS_TOKEN='a'\\''; rm -rf ~; '\\'''\n")
  })

  test('the type of the token is as the server has it', () => {
    expect(tokenText({ ...TOKEN, token_type: 'DPoP' }, 'header')).toBe('Authorization: DPoP at-1\n')
  })
})

describe('--member', () => {
  test.each([
    ['instance_url', 'https://na139.example'],
    ['tenant', '{"id":7}'],
    ['quiet', 'true'],
    ['note', 'a\\u{1b}[2Jb'],
  ])('%s is printed as text', async (name, text) => {
    const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': { body: TOKEN } })
    const ended = await run(daemon, ['token', 'gw', '--member', name, '--min-ttl', '5'])
    expect(ended).toEqual({ exitCode: 0, stdout: `${text}\n`, stderr: '' })
    expect(daemon.asked).toMatchObject([{ query: { min_ttl: '5' } }])
  })

  test.each(['realmId', 'access_token', 'toString', '__proto__', 'tenant.id', ''])(
    'one that is not there: %j',
    async (name) => {
      const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': { body: TOKEN } })
      const { exitCode, stdout, stderr } = await run(daemon, ['token', 'gw', '--member', name])
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
      expect(stderr).toBe(
        `catchd: The context of the token has no member '${name}'. Its members: instance_url, tenant, quiet, note.\n  → catchd inspect gw\n`,
      )
    },
  )

  test('without any context', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': { body: { ...TOKEN, context: {} } } })
    const { exitCode, stderr } = await run(daemon, ['token', 'gw', '--member', 'id'])
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('The context is empty.')])
  })

  test('without a login', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': problem('login_required', 409) })
    expect(await run(daemon, ['token', 'gw', '--member', 'id'])).toMatchObject({ exitCode: 3, stdout: '' })
  })

  test.each([['--json'], ['--format', 'json'], ['--id-token']])('not with %s', async (...flags) => {
    const daemon = await fakeDaemon({})
    expect(await run(daemon, ['token', 'gw', '--member', 'id', ...flags])).toMatchObject({ exitCode: 2 })
    expect(daemon.calls).toEqual([])
  })
})

test('--min-ttl goes to the daemon', async () => {
  const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': { body: TOKEN } })
  await run(daemon, ['token', 'gw', '--min-ttl', '300'])
  expect(daemon.asked[0]?.query).toEqual({ min_ttl: '300' })
})

test('login required: exit code 3, nothing on stdout, the next command on stderr', async () => {
  const required = problem('login_required', 409, { detail: 'Nobody has logged in.', profile: 'gw' })
  const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': required })
  expect(await run(daemon, ['token', 'gw'])).toEqual({
    exitCode: 3,
    stdout: '',
    stderr: 'catchd: Login required: Nobody has logged in.\n  → catchd login gw\n',
  })
})

describe('--login', () => {
  const pending = {
    login_id: 'l-1',
    authorization_url: 'https://id.example/authorize?state=x',
  }

  test.each([
    [
      'the URL of the shared login',
      {},
      `Open this URL if no browser appears:\n${pending.authorization_url}\n`,
    ],
    [
      'the code of a device login',
      { user_code: 'WDJB-MJHT', verification_uri: 'https://id.example/device' },
      'Enter the code WDJB-MJHT at:\nhttps://id.example/device\n',
    ],
    ['nothing if only another tool knows the URL', { authorization_url: undefined }, ''],
  ])('shows %s, waits for it and prints the token', async (_name, shown, said) => {
    let loggedIn = false
    let asked = 0
    const daemon = await fakeDaemon({
      'GET /v1/tokens/gw': () => (loggedIn ? { body: TOKEN } : problem('login_required', 409, pending)),
      'GET /v1/logins/l-1': () => {
        asked += 1
        if (asked === 1) return { body: { ...pending, profile: 'gw', status: 'pending', ...shown } }
        loggedIn = true
        return { body: { login_id: 'l-1', profile: 'gw', status: 'succeeded', error: null } }
      },
    })
    const { exitCode, stdout, stderr } = await run(daemon, ['token', 'gw', '--login'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'at-1\n' })
    expect(stderr).toBe(said)
    expect(daemon.asked.map(({ query }) => query['login'])).toEqual(['auto', undefined, undefined, undefined])
  })

  test('a denied login ends it, without a second one', async () => {
    const daemon = await fakeDaemon({
      'GET /v1/tokens/gw': problem('login_required', 409, pending),
      'GET /v1/logins/l-1': {
        body: {
          login_id: 'l-1',
          profile: 'gw',
          status: 'failed',
          error: { code: 'authorization_denied', detail: 'Denied.', error: 'access_denied' },
        },
      },
    })
    const { exitCode, stderr } = await run(daemon, ['token', 'gw', '--login'])
    expect(exitCode).toBe(3)
    expect(stderr).toContain('catchd: The authorization was denied: Denied.')
    expect(daemon.calls).toEqual(['GET /v1/tokens/gw', 'GET /v1/logins/l-1'])
  })
})

describe('--scope', () => {
  const lacking = (members: object = {}) =>
    problem('scope_insufficient', 403, { detail: 'It lacks b.', profile: 'gw', missing: ['b'], ...members })

  test('goes to the daemon, whatever is between the scopes; never the short way', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': { body: TOKEN } })
    await run(daemon, ['token', 'gw', '--scope', ' a  b\n'])
    expect(daemon.asked.map(({ query }) => query)).toEqual([{ scope: 'a b' }])
    expect(readSimpleTokenCommand(['gw', '--scope', 'a'])).toBeUndefined()
  })

  test('exit code 3 and what is missing; with --json for programs', async () => {
    const daemon = await fakeDaemon({
      'GET /v1/tokens/gw': lacking({ next: 'catchd token gw --scope b --login' }),
    })
    expect(await run(daemon, ['token', 'gw', '--scope', 'a b'])).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: 'catchd: It lacks b.\n  → catchd token gw --scope b --login\n',
    })
    const { stderr } = await run(daemon, ['token', 'gw', '--scope', 'a b', '--json'])
    expect(JSON.parse(stderr)).toMatchObject({ code: 'scope_insufficient', missing: ['b'] })
  })

  test.each([
    ['', 'at least one scope'],
    [' ', 'at least one scope'],
  ])('%j is a usage error', async (scope, said) => {
    const daemon = await fakeDaemon({})
    const { exitCode, stderr } = await run(daemon, ['token', 'gw', '--scope', scope])
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(said) as string })
    expect(daemon.calls).toEqual([])
  })

  test('not together with --id-token', async () => {
    const daemon = await fakeDaemon({})
    expect((await run(daemon, ['token', 'gw', '--scope', 'a', '--id-token'])).exitCode).toBe(2)
  })

  test('with --login it waits for the login, and for a second one if that was for other scopes', async () => {
    const logins = ['l-1', 'l-2']
    const settled: string[] = []
    const shown = new Set<string>()
    const done = (id: string) => () => {
      if (!shown.has(id)) {
        shown.add(id)
        return {
          body: { login_id: id, status: 'pending', authorization_url: `https://id.example/?state=${id}` },
        }
      }
      settled.push(id)
      return { body: { login_id: id, profile: 'gw', status: 'succeeded', error: null } }
    }
    const daemon = await fakeDaemon({
      'GET /v1/tokens/gw': () => {
        const id = logins[settled.length]
        if (id === undefined) return { body: TOKEN }
        return lacking({ login_id: id, authorization_url: `https://id.example/authorize?state=${id}` })
      },
      'GET /v1/logins/l-1': done('l-1'),
      'GET /v1/logins/l-2': done('l-2'),
    })
    const { exitCode, stdout, stderr } = await run(daemon, ['token', 'gw', '--scope', 'b', '--login'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'at-1\n' })
    for (const id of logins) expect(stderr).toContain(`state=${id}`)
  })
})

describe('the short way', () => {
  test('asks once', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': { body: TOKEN } })
    await run(daemon, ['token', 'gw', '--min-ttl', '5'])
    expect(daemon.asked).toMatchObject([{ path: '/v1/tokens/gw', query: { min_ttl: '5' } }])
  })

  test('over TCP it shows the key, over the socket it does not', async () => {
    const routes = { 'GET /v1/tokens/gw': { body: TOKEN } }
    const [tcp, socket] = [new FakeDaemon(routes), await fakeDaemon(routes)]
    const env = { CATCHD_URL: await tcp.listenOnTcp(), CATCHD_API_KEY: 'key-1' }
    const finished = await start(socket, ['token', 'gw'], { env }).finished()
    await run(socket, ['token', 'gw'], { env: { CATCHD_API_KEY: 'key-1' } })
    await tcp.close()
    expect(finished).toEqual({ exitCode: 0, stdout: 'at-1\n', stderr: '' })
    expect(tcp.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer key-1'])
    expect(socket.asked.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })

  test.each([
    ['a refusal', problem('login_required', 409), 3, 'catchd: '],
    ['what is no JSON', { body: 'token' }, 5, 'The program that answers there is not catchd.'],
  ])(
    '%s is asked for once more, on the long way, which says what it is and compares settings',
    async (_what, reply, code, said) => {
      const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': reply })
      const { exitCode, stdout, stderr } = await run(daemon, ['token', 'gw'])
      expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' })
      expect(stderr).toContain(said)
      expect(daemon.calls).toEqual(['GET /v1/tokens/gw', 'GET /v1/tokens/gw', 'GET /v1/status'])
    },
  )

  test('an interrupt ends the wait', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': { silent: true } })
    const running = start(daemon, ['token', 'gw'])
    while (daemon.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    running.child.kill('SIGINT')
    expect(await running.finished()).toEqual({ exitCode: 130, stdout: '', stderr: '' })
  })

  test('reads what is plain', () => {
    expect(readSimpleTokenCommand(['gw'])).toEqual({ profile: 'gw', format: 'raw', minTtl: undefined })
    expect(readSimpleTokenCommand(['--min-ttl', '5', 'gw', '--format', 'env'])).toEqual({
      profile: 'gw',
      format: 'env',
      minTtl: 5,
    })
  })

  test.each([
    [],
    [''],
    ['gw', 'other'],
    ['--login', 'gw'],
    ['gw', '--format'],
    ['gw', '--format', 'xml'],
    ['gw', '--min-ttl', '-1'],
    ['gw', '--min-ttl', '1e3'],
    ['gw', '--help'],
    ['gw', '--json'],
    ['--', 'gw'],
  ])('leaves the rest to the long way: %j', (...args) => {
    expect(readSimpleTokenCommand(args)).toBeUndefined()
  })

  const VALUES = [
    '',
    ' ',
    '/x',
    'x',
    '0',
    '1',
    '4',
    '5',
    '007',
    '9999',
    '59999',
    '60000',
    '65536',
    '99999',
    '3600',
    '3601',
    '180',
    'file',
    'keychain',
    'fatal',
    'auto',
    'memory',
    'Memory',
    'trace',
    'none',
    'key',
    'ke y',
    'ké',
    'http://127.0.0.1:7636',
    'http://127.0.0.1:99999',
    'http://127.0.0.1:0',
    'http://localhost:7636/x',
    'http://[::1]:80',
    'http://example.com:80',
    'https://example.com',
    'https://example.com/client',
    'https://1.2/client',
    'https://example.com/../client',
  ]
  const names = [...Object.keys(EnvironmentVariables.shape), 'CATCHD_HOM', 'CATCHD_', 'CATCHD_toString']

  test.each(names)('takes no value of %s that the long way refuses', (name) => {
    for (const value of VALUES) {
      if (isPlainEnvironment({ [name]: value })) parseEnvironment({ [name]: value })
    }
  })

  test.each(Object.keys(EnvironmentVariables.shape))('knows the variable %s', (name) => {
    expect(VALUES.filter((value) => value !== '' && isPlainEnvironment({ [name]: value }))).not.toEqual([])
  })

  test('is taken in the environments that people have', () => {
    const env = {
      CATCHD_HOME: '/x',
      CATCHD_API_PORT: '0',
      CATCHD_VAULT: 'file',
      CATCHD_URL: 'http://127.0.0.1:7636',
      CATCHD_API_KEY: 'k',
      CATCHD_BROWSER: 'none',
    }
    expect(isPlainEnvironment({ PATH: '/bin', ...env })).toBe(true)
    expect(isPlainEnvironment({ CATCHD_HOM: '/x' })).toBe(false)
  })

  test('loads Node and our own light files, no package', () => {
    const packages = new Set<string>()
    const seen = new Set<string>()
    const follow = (file: string) => {
      if (seen.has(file)) return
      seen.add(file)
      const text = readFileSync(file, 'utf8')
      for (const [, types = '', specifier = ''] of text.matchAll(
        /^(?:import|export) (type )?[^;]*?from '([^']+)'/gms,
      )) {
        if (types !== '') continue
        if (specifier.startsWith('.')) follow(resolve(dirname(file), specifier.replace(/\.js$/, '.ts')))
        else if (!specifier.startsWith('node:')) packages.add(specifier)
      }
    }
    follow(resolve(import.meta.dirname, '../../src/quick-start.ts'))
    expect([...packages]).toEqual([])
    expect([...seen].map((file) => basename(file)).sort()).toEqual([
      'closed-output.ts',
      'listener-proof.ts',
      'printable.ts',
      'quick-start.ts',
      'quick-token.ts',
      'shell-word.ts',
      'socket-path.ts',
      'tcp-table.ts',
      'token-format.ts',
    ])
  })
})
