import { describe, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { duration } from '../../src/cli/arguments.js'
import { COMMANDS } from '../../src/cli/commands.js'
import { failureText } from '../../src/cli/failure-output.js'
import { expiryInWords, relative } from '../../src/cli/output.js'
import { CatchdError, EXIT, FAILURES, type FailureCode } from '../../src/failures.js'
import { printable } from '../../src/text/printable.js'
import { problem } from '../client/fake-daemon.js'
import { fakeDaemon, run } from './run.js'

describe('exit codes', () => {
  test.each<[FailureCode, number]>([
    ['internal', EXIT.unexpected],
    ['route_unknown', EXIT.usage],
    ['login_required', EXIT.login],
    ['authorization_denied', EXIT.login],
    ['provider_refused', EXIT.authorizationServer],
    ['daemon_unreachable', EXIT.unreachable],
    ['vault_unavailable', EXIT.vault],
    ['profile_invalid', EXIT.configuration],
    ['redirect_port_in_use', EXIT.taken],
  ])('%s is %i, with its cause and one command on stderr', async (code, exitCode) => {
    const refusal = problem(code, FAILURES[code].status, { detail: 'The cause.', next: 'catchd next' })
    const daemon = await fakeDaemon({ 'POST /v1/tokens/gw/refresh': refusal })
    expect(await run(daemon, ['refresh', 'gw'])).toEqual({
      exitCode,
      stdout: '',
      stderr: `catchd: ${FAILURES[code].title}: The cause.\n  → catchd next\n`,
    })
  })

  test.each<[FailureCode, number]>([
    ['request_invalid', EXIT.usage],
    ['login_expired', EXIT.login],
    ['provider_unreachable', EXIT.unreachable],
    ['vault_locked', EXIT.vault],
    ['profile_unknown', EXIT.configuration],
    ['config_invalid', EXIT.configuration],
    ['already_running', EXIT.taken],
  ])('%s is %i, with its cause instead of its title', async (code, exitCode) => {
    const refusal = problem(code, FAILURES[code].status, { detail: 'The cause.', next: 'catchd next' })
    const daemon = await fakeDaemon({ 'POST /v1/tokens/gw/refresh': refusal })
    expect(await run(daemon, ['refresh', 'gw'])).toEqual({
      exitCode,
      stdout: '',
      stderr: 'catchd: The cause.\n  → catchd next\n',
    })
  })

  test('every row of the catalogue prints its title and a command', () => {
    for (const code of Object.keys(FAILURES) as FailureCode[]) {
      expect(failureText(new CatchdError(code, { profile: 'gw' }))).toMatch(
        /^catchd:? .+\n {2}→ catchd .+\n$/,
      )
    }
  })

  test('with --json the failure is problem details on one line of stderr', async () => {
    const refusal = problem('provider_refused', 502, { detail: 'D.', error: 'invalid_client', profile: 'gw' })
    const daemon = await fakeDaemon({ 'POST /v1/tokens/gw/refresh': refusal })
    const { exitCode, stdout, stderr } = await run(daemon, ['refresh', 'gw', '--json'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({
      code: 'provider_refused',
      error: 'invalid_client',
      profile: 'gw',
    })
  })

  test('a fault of our own names its kind and its place, not its message', () => {
    const text = failureText(new CatchdError('internal', { cause: new TypeError('token at-1') }))
    expect(text).toMatch(/TypeError at .+command-line\.test\.ts/)
    expect(text).not.toContain('at-1')
  })
})

describe('usage', () => {
  test.each([
    [['tokn', 'gw'], "catchd: Unknown command 'tokn'. Did you mean 'token'?\n"],
    [['token'], "catchd: Missing required argument 'name'. Give the name of a profile.\n"],
    [['token', 'a', 'b'], 'Expected 1 argument but got 2. Put a value that contains spaces in quotes.\n'],
    [['profile', 'add', 'a', '--scope', 'email', 'orders'], 'Put a value that contains spaces in quotes.\n'],
    [['token', 'gw', '--fromat', 'raw'], "Did you mean '--format'?"],
    [['token', 'gw', '--format', 'xml'], 'raw, json, header, env'],
    [['token', 'gw', '--min-ttl', 'soon'], 'whole number of seconds'],
    [['login', 'gw', '--timeout', '0'], 'from 1 to 3600'],
    [['daemon', 'strat'], "Did you mean 'start'?"],
    [['client', 'add', 'ci'], '--profiles'],
    [['client', 'add', 'ci', '--profiles', 'gw', '--actions', 'tokn'], 'token, login, admin'],
    [['client', 'add', 'ci', '--profiles', 'gw', '--actions', 'token', '--expires', 'soon'], '90d'],
    [['vault', 'migrate', '--to', 'memory'], 'keychain, file'],
    [['completion', 'bsh'], "Did you mean 'bash'?"],
    [['token', 'gw', '--format', 'jsn'], "Did you mean 'json'?"],
    [['profile', 'add', 'gw', '--presett', 'x'], "Did you mean '--preset'?"],
    [['help', 'profil'], "catchd: Unknown command 'profil'. Did you mean 'profile'?\n"],
    [['no-such-command'], "catchd: Unknown command 'no-such-command'.\n"],
  ])('%j is exit code 2', async (words, expected) => {
    const daemon = await fakeDaemon()
    const { exitCode, stdout, stderr } = await run(daemon, words)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain(expected)
    // Where it is clear what was meant, a command that goes on; test/flows/mistakes.test.ts runs it.
    const isClear = /Did you mean|name of a profile/.test(stderr)
    expect(stderr).toMatch(isClear ? /\n {2}→ catchd \w/ : /\n {2}→ catchd (help|[a-z]+ [a-z]+ --help)/)
    expect(daemon.calls).toEqual([])
  })

  test.each([[[]], [['daemon']], [['profile']]])('%j alone shows the help on stderr', async (words) => {
    const daemon = await fakeDaemon()
    const { exitCode, stdout, stderr } = await run(daemon, words)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain('Usage: catchd')
  })

  test('help lists every command', async () => {
    const daemon = await fakeDaemon()
    const { exitCode, stdout, stderr } = await run(daemon, ['--help'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    for (const name of Object.keys(COMMANDS)) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
  })

  test('help of a command shows its options', async () => {
    const daemon = await fakeDaemon()
    const { exitCode, stdout } = await run(daemon, ['help', 'login'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('--no-browser')
  })

  test('--version prints it', async () => {
    const daemon = await fakeDaemon()
    expect(await run(daemon, ['--version'])).toEqual({
      exitCode: 0,
      stdout: `${packageJson.version}\n`,
      stderr: '',
    })
  })
})

describe('the environment', () => {
  test.each([
    [{ CATCHD_HOM: '/x' }, 'Did you mean CATCHD_HOME?'],
    [{ CATCHD_VAULT: 'keychian' }, 'Did you mean keychain?'],
    [{ CATCHD_API_PORT: 'x' }, 'CATCHD_API_PORT must be a whole number'],
    [{ CATCHD_HOME: 'relative' }, 'CATCHD_HOME must be an absolute path'],
  ])('%j stops every command with exit code 7', async (env, expected) => {
    const daemon = await fakeDaemon({ 'GET /v1/tokens/gw': { body: {} } })
    for (const words of [['token', 'gw'], ['status']]) {
      const { exitCode, stdout, stderr } = await run(daemon, words, { env })
      expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: '' })
      expect(stderr).toContain(expected)
      expect(stderr).toContain(`→ unset ${Object.keys(env)[0]}\n`)
    }
    expect(daemon.calls).toEqual([])
  })

  test('and help still helps', async () => {
    const daemon = await fakeDaemon()
    const { exitCode } = await run(daemon, ['help'], { env: { CATCHD_HOM: '/x' } })
    expect(exitCode).toBe(0)
  })
})

describe('status', () => {
  const status = {
    version: '1.2.3',
    pid: 42,
    started_at: '2020-01-01T00:00:00Z',
    listeners: { redirect: ['127.0.0.1:8252'], socket: '/x/run/catchd.sock', tcp: null, tcp_error: null },
    vault: { kind: 'keychain', engine: 'keytar', health: 'locked', unsaved: ['gw'] },
    config: { path: '/x/config.jsonc', ok: false, error: 'config.jsonc:3:5: a mistake' },
    profiles: 0,
    logins_pending: 2,
  }

  test('shows all of it on one screen', async () => {
    const daemon = await fakeDaemon({
      'GET /v1/status': { body: status },
      'GET /v1/profiles': { body: { profiles: [] } },
    })
    const { exitCode, stdout } = await run(daemon, ['status'])
    expect(exitCode).toBe(0)
    for (const part of [
      /daemon +1\.2\.3, process 42, started \d+ d ago/,
      /redirect +127\.0\.0\.1:8252/,
      /tcp +off/,
      /vault +keychain \(keytar\), locked/,
      /unsaved +gw/,
      /not in use: config\.jsonc:3:5: a mistake/,
      /logins +2 pending/,
      /^No profiles: catchd profile edit$/m, // they may all be in the file that is not in use
    ]) {
      expect(stdout).toMatch(part)
    }
  })

  test('without a profile it says how to get one', async () => {
    const daemon = await fakeDaemon({
      'GET /v1/status': { body: { ...status, config: { ...status.config, ok: true, error: null } } },
      'GET /v1/profiles': { body: { profiles: [] } },
    })
    expect((await run(daemon, ['status'])).stdout).toMatch(/^No profiles yet: catchd init$/m)
  })

  const gw = {
    profile: 'gw',
    configuration: { issuer: 'https://id.example.com' },
    status: 'logged_in',
    expires_at: '2099-01-01T00:00:00Z',
    scope: 'openid',
    subject: 'alice@example.com',
    login_needed_at: null,
    refresh_failing: null,
    error: null,
  }
  const plain = { ...gw, profile: 'plain', subject: null }

  test('--json is the daemon’s answer, with the profiles themselves', async () => {
    const daemon = await fakeDaemon({
      'GET /v1/status': { body: status },
      'GET /v1/profiles': { body: { profiles: [gw] } },
    })
    const { stdout } = await run(daemon, ['status', '--json'])
    expect(JSON.parse(stdout)).toEqual({ ...status, profiles: [gw] })
  })

  test.each([['status'], ['profile list']])(
    '%s shows the account, if a server names one',
    async (command) => {
      const routes = { 'GET /v1/status': { body: { ...status, profiles: 2 } } }
      const both = await fakeDaemon({ ...routes, 'GET /v1/profiles': { body: { profiles: [gw, plain] } } })
      const { stdout } = await run(both, command.split(' '))
      expect(stdout).toMatch(/^NAME +ACCOUNT +SERVER +STATUS/m)
      expect(stdout).toMatch(/^gw +alice@example\.com +id\.example\.com +logged in/m)
      expect(stdout).toMatch(/^plain +- +id\.example\.com +logged in/m)
      const none = await fakeDaemon({ ...routes, 'GET /v1/profiles': { body: { profiles: [plain] } } })
      expect((await run(none, command.split(' '))).stdout).toMatch(/^NAME +SERVER +STATUS/m)
    },
  )

  test('vault status shows its part', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/status': { body: status } })
    const [text, json] = [
      await run(daemon, ['vault', 'status']),
      await run(daemon, ['vault', 'status', '--json']),
    ]
    expect(text.stdout).toMatch(/health +locked/)
    expect(JSON.parse(json.stdout)).toEqual(status.vault)
  })
})

describe('refresh, logout, vault migrate', () => {
  const token = {
    access_token: 'at-1',
    token_type: 'Bearer',
    expires_in: 9,
    expires_at: '2099-01-01T00:00:00Z',
    scope: 'email',
    profile: 'gw',
  }

  test('refresh says until when, and shows no token', async () => {
    const daemon = await fakeDaemon({ 'POST /v1/tokens/gw/refresh': { body: token } })
    const text = await run(daemon, ['refresh', 'gw'])
    expect(text.stdout).toContain('Refreshed: gw')
    expect(text.stdout).toContain('2099-01-01T00:00:00Z')
    const json = await run(daemon, ['refresh', 'gw', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ profile: 'gw', scope: 'email' })
    expect(text.stdout + json.stdout).not.toContain('at-1')
  })

  test('logout', async () => {
    const headers = { 'catchd-revoked': 'true' }
    const daemon = await fakeDaemon({ 'DELETE /v1/tokens/gw': { headers } })
    expect(await run(daemon, ['logout', 'gw'])).toEqual({
      exitCode: 0,
      stdout: 'Logged out: gw\n',
      stderr: '',
    })
    const json = await run(daemon, ['logout', 'gw', '--json'])
    expect(JSON.parse(json.stdout)).toEqual({
      profile: 'gw',
      status: 'login_required',
      revoked: true,
      not_revoked: null,
    })
  })

  test.each([
    ['2099-01-01T00:00:00Z', /stay valid until in \d+ d \(2099-01-01T00:00:00Z\)\.\n$/],
    [null, /stay valid until the server ends them\.\n$/],
  ])('logout says what could not be revoked, and is done all the same: %s', async (loginNeededAt, until) => {
    const headers = { 'catchd-revoked': 'false', 'catchd-not-revoked': 'It answered 400.' }
    const daemon = await fakeDaemon({
      'GET /v1/profiles/gw': { body: { profile: 'gw', login_needed_at: loginNeededAt } },
      'DELETE /v1/tokens/gw': { headers },
    })
    const text = await run(daemon, ['logout', 'gw'])
    expect([text.exitCode, text.stdout]).toEqual([0, 'Logged out: gw\n'])
    expect(text.stderr).toMatch(
      /^The tokens were not revoked at the authorization server: It answered 400\. They stay valid /,
    )
    expect(text.stderr).toMatch(until)
    const json = await run(daemon, ['logout', 'gw', '--json'])
    expect(json.exitCode).toBe(0)
    expect(JSON.parse(json.stdout)).toMatchObject({ revoked: false, not_revoked: 'It answered 400.' })
  })

  test('vault migrate --to', async () => {
    const daemon = await fakeDaemon({
      'POST /v1/vault/migrate': { body: { from: 'file', to: 'keychain', items: 1 } },
    })
    const { stdout } = await run(daemon, ['vault', 'migrate', '--to', 'keychain'])
    expect(stdout).toBe('1 item moved from file to keychain.\n')
    expect(daemon.asked[0]?.body).toEqual({ to: 'keychain' })
  })
})

describe('client', () => {
  test('add prints the key on stdout and nothing else', async () => {
    const daemon = await fakeDaemon({
      'POST /v1/clients': { status: 201, body: { client: 'ci', key: 'key-1' } },
    })
    const words = [
      'client',
      'add',
      'ci',
      '--profiles',
      'gw,corp',
      '--actions',
      'token,login',
      '--expires',
      '90d',
    ]
    const { stdout, stderr } = await run(daemon, words)
    expect(stdout).toBe('key-1\n')
    expect(stderr).toContain('shown once')
    expect(daemon.asked[0]?.body).toEqual({
      client: 'ci',
      profiles: ['gw', 'corp'],
      actions: ['token', 'login'],
      expires_in: 7_776_000,
    })
  })

  test('a profile that is not there is named, with a near one, and the key is made all the same', async () => {
    const daemon = await fakeDaemon({
      'POST /v1/clients': { status: 201, body: { client: 'ci', key: 'key-1' } },
      'GET /v1/profiles': { body: { profiles: [{ profile: 'gw' }] } },
    })
    const words = ['client', 'add', 'ci', '--profiles', 'gw,gv', '--actions', 'token']
    const { exitCode, stdout, stderr } = await run(daemon, words)
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'key-1\n' })
    expect(stderr).toContain('There is no profile "gv" yet. Did you mean "gw"?')
    expect(stderr).not.toContain('"gw" yet')
  })

  test('list and remove', async () => {
    const used = { last_used_at: new Date(Date.now() - 3 * 86_400_000).toISOString(), uses: 7 }
    const ci = {
      client: 'ci',
      profiles: ['gw'],
      actions: ['token'],
      created_at: null,
      expires_at: null,
      ...used,
    }
    const cd = { ...ci, client: 'cd', last_used_at: null, uses: 0 }
    const daemon = await fakeDaemon({
      'GET /v1/clients': { body: { clients: [ci, cd] } },
      'DELETE /v1/clients/ci': {},
      'DELETE /v1/clients/cd': problem('client_unknown', 404, { detail: 'D.' }),
    })
    const { stdout } = await run(daemon, ['client', 'list'])
    expect(stdout).toMatch(/LAST USED +USES$/m)
    expect(stdout).toMatch(/^ci +gw +token +never +3 d ago +7$/m)
    expect(stdout).toMatch(/^cd +gw +token +never +never +0$/m)
    expect((await run(daemon, ['client', 'remove', 'ci'])).stdout).toBe('Removed: ci\n')
    expect((await run(daemon, ['client', 'remove', 'cd'])).exitCode).toBe(7)
  })
})

describe('words for people', () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  test.each([
    ['2026-11-23T12:58:30Z', 'in 58 min'],
    ['2026-11-23T12:59:30Z', 'in 1 h'],
    ['2026-11-23T13:00:00Z', 'in 1 h'],
    ['2026-11-23T23:59:50Z', 'in 12 h'],
    ['2026-11-23T23:58:00Z', 'in 11 h'],
    ['2026-11-25T11:59:59Z', 'in 2 d'],
    ['2026-11-25T11:00:00Z', 'in 1 d'],
    ['2026-11-23T12:01:59Z', 'in 2 min'],
    ['2026-11-23T12:01:58Z', 'in 1 min'],
    ['2026-11-23T12:00:30Z', 'in 30 s'],
    ['2026-11-23T12:00:00Z', 'now'],
    ['2026-11-23T11:58:00Z', '2 min ago'],
  ])('%s is %s', (instant, expected) => {
    expect(relative(instant, now)).toBe(expected)
    expect(expiryInWords(instant, now)).toBe(`${expected} (${instant})`)
  })

  test('what is not known is not guessed', () => {
    expect(expiryInWords(null, now)).toBe('expiry unknown')
  })

  test.each([
    ['90d', 7_776_000],
    ['12h', 43_200],
    ['30min', 1_800],
    ['45s', 45],
    ['3600', 3_600],
    ['', undefined],
    ['d', undefined],
    ['1w', undefined],
    ['1.5h', undefined],
    ['-1d', undefined],
  ])('the duration %j is %s seconds', (text, expected) => {
    if (expected === undefined) expect(() => duration(text)).toThrow('It must be like 90d')
    else expect(duration(text)).toBe(expected)
  })

  test('text of others stays on its line and moves no cursor', () => {
    expect(printable('a\u001b[2Jb\r\nc\u0000\u009b\u2028\u202ed é→😀')).toBe(
      'a\\u{1b}[2Jb\\u{d}\\u{a}c\\u{0}\\u{9b}\\u{2028}\\u{202e}d é→😀',
    )
  })
})
