import { describe, expect, test } from 'vitest'
import { problem, type Routes } from '../client/fake-daemon.js'
import { fakeDaemon, run, start } from './run.js'

const URL_ = 'https://id.example/authorize?client_id=c&state=s'
const BEGUN = {
  login_id: 'l-1',
  status: 'pending',
  authorization_url: URL_,
  redirect_uri: 'http://127.0.0.1:8252/callback/gw',
  expires_at: '2026-11-23T15:00:00Z',
}
const STORED = {
  stored_in: 'the login keychain (service catchd)',
  scope: 'email',
  expires_at: '2099-01-01T00:00:00Z',
  refreshable: true,
  subject: null,
}
const SUCCEEDED = { login_id: 'l-1', profile: 'gw', status: 'succeeded', error: null, stored: STORED }
const PENDING = { login_id: 'l-1', profile: 'gw', status: 'pending', error: null }

/** A desktop, whatever the tests run on. */
const DESKTOP = { env: { DISPLAY: ':0' } }

/** Without the question whether there are earlier tokens, which comes last. */
const withoutProfile = (calls: readonly string[]) => calls.filter((call) => call !== 'GET /v1/profiles/gw')

const routes = (settled: Routes[string]): Routes => ({
  'POST /v1/logins': { status: 201, body: BEGUN },
  'GET /v1/logins/l-1': settled,
  'DELETE /v1/logins/l-1': {},
})

/** Answers a long poll as a daemon whose login nobody finishes. */
const nobody = { silent: true } as const

describe('a login that succeeds', () => {
  test('opens the browser, shows the URL all the same, and says what was stored and until when', async () => {
    const daemon = await fakeDaemon(routes({ body: SUCCEEDED }))
    const { exitCode, stdout, stderr } = await run(daemon, ['login', 'gw'], DESKTOP)
    expect(exitCode).toBe(0)
    expect(daemon.asked[0]?.body).toEqual({ profile: 'gw', open: true })
    expect(stderr).toBe(`Open this URL if no browser appears:\n${URL_}\n`)
    expect(stdout).toMatch(/^Logged in: gw\n/)
    expect(stdout).toContain('the login keychain (service catchd)')
    expect(stdout).toMatch(/scope +email/)
    expect(stdout).toMatch(/expires +in \d+ d \(2099-01-01T00:00:00Z\)/)
    expect(stdout).toMatch(/refresh +automatic/)
  })

  test('says once what arrived instead of a response', async () => {
    const hints = [null, 'H1 \u001b[2J', 'H1 \u001b[2J\n  V', 'H1 \u001b[2J', 'H2', undefined]
    const daemon = await fakeDaemon(
      routes(() => {
        const hint = hints.shift()
        return {
          body: hints.length === 0 ? SUCCEEDED : { ...PENDING, hint, expires_at: '2099-01-01T00:00:00Z' },
        }
      }),
    )
    const { exitCode, stderr } = await run(daemon, ['login', 'gw'], DESKTOP)
    expect(exitCode).toBe(0)
    const still = 'The login still waits\\. It ends in \\d+ min \\d+ s\\.\\n'
    expect(stderr).toMatch(new RegExp(`\\nH1 \\\\u\\{1b\\}\\[2J\\n${still}  V\\n${still}H2\\n${still}$`))
  })

  test('waits as long as it takes', async () => {
    let polls = 0
    const daemon = await fakeDaemon(
      routes(() => {
        polls += 1
        return { body: polls < 3 ? { ...PENDING, status: polls < 2 ? 'pending' : 'exchanging' } : SUCCEEDED }
      }),
    )
    const { exitCode } = await run(daemon, ['login', 'gw'])
    expect([exitCode, polls]).toEqual([0, 3])
  })

  test('outlives a restart of the daemon', async () => {
    let polls = 0
    const daemon = await fakeDaemon(
      routes(() => {
        polls += 1
        return polls < 2 ? { reset: true } : { body: SUCCEEDED }
      }),
    )
    const { exitCode, stderr } = await run(daemon, ['login', 'gw'])
    expect({ exitCode, polls }).toEqual({ exitCode: 0, polls: 2 })
    expect(stderr).not.toContain('catchd:')
  })

  test('a restart after which the daemon does not know the login is said, with a command that works', async () => {
    let polls = 0
    const daemon = await fakeDaemon(
      routes(() => {
        polls += 1
        return polls < 2 ? { body: PENDING } : problem('login_unknown', 404)
      }),
    )
    const { exitCode, stderr } = await run(daemon, ['login', 'gw'])
    expect(exitCode).toBe(3)
    expect(stderr).toMatch(
      /The daemon ended while the login waited, and its vault kept nothing\.\n {2}→ catchd login gw\n$/,
    )
  })

  test('what is unknown is said to be unknown', async () => {
    const stored = { ...STORED, scope: null, expires_at: null, refreshable: false, subject: 'ada' }
    const daemon = await fakeDaemon(routes({ body: { ...SUCCEEDED, stored } }))
    const { stdout } = await run(daemon, ['login', 'gw'], DESKTOP)
    expect(stdout).toMatch(/scope +unknown: the server does not say/)
    expect(stdout).toMatch(/expires +unknown: the server does not say/)
    expect(stdout).toContain('no refresh token: log in again when the server refuses the access token')
    expect(stdout).toMatch(/subject +ada/)
  })

  test('--no-browser opens nothing', async () => {
    const daemon = await fakeDaemon(routes({ body: SUCCEEDED }))
    const { stderr } = await run(daemon, ['login', 'gw', '--no-browser'], DESKTOP)
    expect(daemon.asked[0]?.body).toEqual({ profile: 'gw', open: false })
    expect(stderr).toBe(`Open this URL in a browser:\n${URL_}\n`)
  })

  test('--json prints the login', async () => {
    const daemon = await fakeDaemon(routes({ body: SUCCEEDED }))
    const { stdout } = await run(daemon, ['login', 'gw', '--json'])
    expect(JSON.parse(stdout)).toEqual(SUCCEEDED)
  })

  test('--start prints what was begun and returns', async () => {
    const daemon = await fakeDaemon(routes(nobody))
    const { exitCode, stdout } = await run(daemon, ['login', 'gw', '--start'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual(BEGUN)
    expect(daemon.calls).toEqual(['POST /v1/logins'])
  })
})

describe('where the browser is on another machine', () => {
  const SSH = { env: { SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22' } }
  const WSL = { env: { WSL_DISTRO_NAME: 'Debian', DISPLAY: ':0' } }

  test('a remote shell is told how to forward the port, under the URL', async () => {
    const daemon = await fakeDaemon(routes({ body: SUCCEEDED }))
    const { exitCode, stderr } = await run(daemon, ['login', 'gw'], SSH)
    expect(exitCode).toBe(0)
    expect(stderr.startsWith(`Open this URL if no browser appears:\n${URL_}\n`)).toBe(true)
    expect(stderr).toContain('catchd login gw --paste')
    expect(stderr).toContain('\n  → ssh -L 8252:127.0.0.1:8252 HOST\n')
  })

  test('whoever pastes is told nothing more', async () => {
    const daemon = await fakeDaemon({ ...routes({ body: SUCCEEDED }), 'POST /v1/logins/l-1/response': {} })
    const { stderr } = await run(daemon, ['login', 'gw', '--paste'], {
      ...SSH,
      stdin: 'http://127.0.0.1/x\n',
    })
    expect(stderr).not.toContain('ssh -L')
  })

  test('nor is whoever chose a browser, such as that of an editor which forwards ports', async () => {
    const daemon = await fakeDaemon(routes({ body: SUCCEEDED }))
    const { stderr } = await run(daemon, ['login', 'gw'], {
      env: { ...SSH.env, BROWSER: '/editor/browser.sh' },
    })
    expect(stderr).not.toContain('ssh -L')
  })

  test('WSL is told about its network when the browser did not come back, and not before', async () => {
    const expired = { code: 'login_expired', detail: 'D.', error: null }
    const daemon = await fakeDaemon(routes({ body: { ...PENDING, status: 'expired', error: expired } }))
    const late = await run(daemon, ['login', 'gw'], WSL)
    expect(late.stderr).toMatch(/localhostForwarding.*catchd login gw --paste.*catchd: /s)
    const slow = await run(await fakeDaemon(routes(nobody)), ['login', 'gw', '--timeout', '1'], WSL)
    expect(slow.stderr).toContain('localhostForwarding')
    const good = await run(await fakeDaemon(routes({ body: SUCCEEDED })), ['login', 'gw'], WSL)
    expect(good.stderr).toBe(`Open this URL if no browser appears:\n${URL_}\n`)
  })
})

describe('a login that does not succeed', () => {
  test.each([
    ['failed', { code: 'authorization_denied', detail: 'D.', error: 'access_denied' }, 3],
    ['failed', { code: 'provider_refused', detail: 'D.', error: 'invalid_client' }, 4],
    ['failed', { code: 'issuer_mismatch', detail: 'D.', error: null }, 4],
    ['failed', { code: 'provider_unreachable', detail: 'D.', error: null }, 5],
    ['failed', { code: 'vault_locked', detail: 'D.', error: null }, 6],
    ['expired', { code: 'login_expired', detail: 'D.', error: null }, 3],
    ['cancelled', { code: 'login_required', detail: 'D.', error: null }, 3],
    ['cancelled', null, 3],
  ])('%s with %j is exit code %i', async (status, error, expected) => {
    const daemon = await fakeDaemon(routes({ body: { login_id: 'l-1', profile: 'gw', status, error } }))
    const { exitCode, stdout, stderr } = await run(daemon, ['login', 'gw'])
    expect({ exitCode, stdout }).toEqual({ exitCode: expected, stdout: '' })
    expect(stderr).toContain('\ncatchd: ')
    expect(stderr).toContain('\n  → catchd ')
  })

  test('what the server said is shown, and cannot move the cursor', async () => {
    const error = {
      code: 'provider_refused',
      detail: 'The code was refused.',
      error: 'invalid_grant',
      error_description: '\u001b]0;owned\u0007\u001b[2Jall is well\r\n\u202e',
    }
    const daemon = await fakeDaemon(routes({ body: { ...PENDING, status: 'failed', error } }))
    const { stderr } = await run(daemon, ['login', 'gw'])
    expect(stderr).toContain('invalid_grant')
    expect(stderr).toContain('all is well')
    expect(stderr.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u)
  })
})

test('what the server said without an error code is shown', async () => {
  const error = {
    code: 'provider_refused',
    detail: 'The token endpoint refused the request.',
    error: null,
    error_description: 'Too many requests',
  }
  const daemon = await fakeDaemon(routes({ body: { ...PENDING, status: 'failed', error } }))
  const { stderr } = await run(daemon, ['login', 'gw'])
  expect(stderr).toContain('\n  the server said Too many requests\n')
})

describe('the report of a login', () => {
  const cause = (fix: object) => ({ cause: 'pkce_method', detail: 'Why it is so.', fix })
  const EXCHANGES = [
    {
      method: 'POST',
      endpoint: 'id.example/token',
      sent: { grant_type: 'authorization_code', code: '[secret]' },
      authorization: 'Basic',
      status: 401,
      answered: { error: 'invalid_client', error_description: '\u001b[2Jno' },
      trouble: null,
      clock_difference: null,
    },
  ]
  const SET = { run: 'catchd profile edit gw', set: '"a": "b"', register: null }
  const failed = (fix: object, status = 'failed') => ({
    ...PENDING,
    status,
    error: { code: 'provider_refused', detail: 'It was refused.', error: 'invalid_client' },
    report: { causes: [cause(fix)], exchanges: EXCHANGES },
  })

  test('the likely cause stands with the failure, and its command is the next one', async () => {
    const daemon = await fakeDaemon(routes({ body: failed(SET) }))
    const { exitCode, stderr } = await run(daemon, ['login', 'gw'])
    expect(exitCode).toBe(4)
    expect(stderr).toContain('It was refused. Likely cause: Why it is so. Set "a": "b" in the profile.\n')
    expect(stderr).toMatch(/\n {2}→ catchd profile edit gw\n$/)
    expect(stderr).not.toContain('id.example/token')
  })

  test('what has to be registered is said, and tried by another login', async () => {
    const fix = { run: null, set: null, register: 'http://127.0.0.1:8252/callback/gw' }
    const daemon = await fakeDaemon(routes({ body: failed(fix) }))
    const { stderr } = await run(daemon, ['login', 'gw'])
    expect(stderr).toContain('Register exactly this at the server: http://127.0.0.1:8252/callback/gw\n')
    expect(stderr).toMatch(/\n {2}→ catchd login gw\n$/)
  })

  test('--verbose shows what was sent and answered', async () => {
    const daemon = await fakeDaemon(routes({ body: failed(SET) }))
    const { stderr } = await run(daemon, ['login', 'gw', '--verbose'])
    expect(stderr).toContain(
      '> POST id.example/token  Authorization: Basic [secret]  grant_type=authorization_code  code=[secret]\n' +
        '< 401  error=invalid_client  error_description=\\u{1b}[2Jno\n',
    )
  })

  test('one that was cancelled is not explained', async () => {
    const daemon = await fakeDaemon(routes({ body: failed(SET, 'cancelled') }))
    expect((await run(daemon, ['login', 'gw'])).stderr).not.toContain('Likely cause')
  })

  test('a --timeout is explained by what the cancelled login has to say', async () => {
    let polls = 0
    const daemon = await fakeDaemon(
      routes(() => {
        polls += 1
        return polls === 1 ? nobody : { body: failed(SET, 'cancelled') }
      }),
    )
    const { exitCode, stderr } = await run(daemon, ['login', 'gw', '--timeout', '1'])
    expect(exitCode).toBe(124)
    expect(stderr).toContain('catchd: Login timed out after 1 s (--timeout). Likely cause: Why it is so.')
  })

  test('a login without a refresh token says what would bring one', async () => {
    const stored = { ...STORED, refreshable: false }
    const report = { causes: [cause(SET)], exchanges: [] }
    const daemon = await fakeDaemon(routes({ body: { ...SUCCEEDED, stored, report } }))
    const { exitCode, stderr } = await run(daemon, ['login', 'gw'])
    expect(exitCode).toBe(0)
    expect(stderr).toContain('Why it is so. Set "a": "b" in the profile.\n')
  })
})

test.each([
  ['mcp.example.com/mcp', '→ catchd login https://mcp.example.com/mcp'],
  ['ftp://id.example.com', '→ catchd profile list'],
])('%s is no name, and the address that was meant is named', async (text, next) => {
  const daemon = await fakeDaemon()
  const { exitCode, stderr } = await run(daemon, ['login', text])
  expect(exitCode).toBe(7)
  expect(stderr).toContain(next)
  expect(daemon.calls).toEqual([])
})

describe('giving up', () => {
  test('--timeout is exit code 124 and cancels the login', async () => {
    const daemon = await fakeDaemon(routes(nobody))
    const { exitCode, stdout, stderr } = await run(daemon, ['login', 'gw', '--timeout', '1'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 124, stdout: '' })
    expect(stderr).toContain('1 s (--timeout)')
    expect(withoutProfile(daemon.calls).slice(-2)).toEqual(['DELETE /v1/logins/l-1', 'GET /v1/logins/l-1'])
    expect(daemon.asked.find(({ method }) => method === 'DELETE')?.query).toEqual({ why: 'timeout' })
  })

  test('a login that the browser answered in this moment is not called cancelled', async () => {
    const daemon = await fakeDaemon({ ...routes(nobody) })
    const running = start(daemon, ['login', 'gw'], { stdin: '' })
    await expect.poll(() => daemon.calls).toContain('GET /v1/logins/l-1')
    daemon.routes['GET /v1/logins/l-1'] = { body: SUCCEEDED }
    running.child.kill('SIGINT')
    const { exitCode, stderr } = await running.finished()
    expect(exitCode).toBe(130)
    expect(stderr).toContain('The browser had already answered, so the login was not cancelled.')
    expect(stderr).not.toContain('The login was cancelled.')
  })

  test.each([
    ['logged_in', true],
    ['expired', true],
    ['login_required', false],
  ])('after a failure, earlier tokens are said to be kept (%s: %s)', async (status, isSaid) => {
    const error = { code: 'authorization_denied', detail: 'D.', error: 'access_denied' }
    const daemon = await fakeDaemon({
      ...routes({ body: { ...PENDING, status: 'failed', error } }),
      'GET /v1/profiles/gw': { body: { profile: 'gw', status, configuration: {} } },
    })
    const { stderr } = await run(daemon, ['login', 'gw'])
    expect(stderr.includes('The earlier tokens are kept.\ncatchd: ')).toBe(isSaid)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s is exit code %i and cancels the login', async (signal, expected) => {
    const daemon = await fakeDaemon(routes(nobody))
    const running = start(daemon, ['login', 'gw'], { stdin: '' })
    while (!daemon.calls.includes('GET /v1/logins/l-1'))
      await new Promise((resolve) => setTimeout(resolve, 10))
    running.child.kill(signal)
    const { exitCode, stdout } = await running.finished()
    expect({ exitCode, stdout }).toEqual({ exitCode: expected, stdout: '' })
    expect(withoutProfile(daemon.calls).slice(-2)).toEqual(['DELETE /v1/logins/l-1', 'GET /v1/logins/l-1'])
    expect(daemon.asked.find(({ method }) => method === 'DELETE')?.query).toEqual({})
  })

  test('a daemon that does not answer the cancelling holds nobody up', async () => {
    const daemon = await fakeDaemon({ ...routes(nobody), 'DELETE /v1/logins/l-1': { silent: true } })
    const { exitCode } = await run(daemon, ['login', 'gw', '--timeout', '1'])
    expect(exitCode).toBe(124)
  })
})

describe('--paste', () => {
  const PASTED = 'http://127.0.0.1:8252/callback/gw?code=c-1&state=s'

  /** Its login is settled by what is pasted. */
  function untilPasted() {
    let pasted = false
    return fakeDaemon({
      ...routes(async () => {
        while (!pasted) await new Promise((resolve) => setTimeout(resolve, 5))
        return { body: SUCCEEDED }
      }),
      'POST /v1/logins/l-1/response': () => {
        pasted = true
        return { body: SUCCEEDED }
      },
    })
  }

  test('hands in the URL from a pipe and opens no browser', async () => {
    const daemon = await untilPasted()
    const { exitCode, stdout } = await run(daemon, ['login', 'gw', '--paste'], { stdin: ` ${PASTED}\n` })
    expect(exitCode).toBe(0)
    expect(stdout).toContain('Logged in: gw')
    expect(daemon.asked[0]?.body).toEqual({ profile: 'gw', open: false })
    const paste = daemon.asked.find(({ path }) => path.endsWith('/response'))
    expect(paste?.body).toEqual({ url: PASTED })
  })

  test('ends when the login has, though the pipe that the URL came by stays open', async () => {
    const running = start(await untilPasted(), ['login', 'gw', '--paste'])
    running.child.stdin.write(`${PASTED}\n`)
    expect((await running.finished()).exitCode).toBe(0)
  })

  test('needs nothing when the browser comes by itself', async () => {
    const daemon = await fakeDaemon(routes({ body: SUCCEEDED }))
    const running = start(daemon, ['login', 'gw', '--paste']) // stdin stays open
    const { exitCode } = await running.finished()
    expect(exitCode).toBe(0)
  })

  test.each([
    ['a URL of something else', 'http://127.0.0.1:8252/other', 'redirect_malformed', 400],
    ['a response that was not asked for', PASTED, 'state_unknown', 400],
  ])('%s from a pipe ends the login', async (_name, stdin, code, status) => {
    const daemon = await fakeDaemon({
      ...routes(nobody),
      'POST /v1/logins/l-1/response': problem(code, status, { detail: 'No.' }),
    })
    const { exitCode } = await run(daemon, ['login', 'gw', '--paste'], { stdin })
    expect(exitCode).toBe(3)
    expect(withoutProfile(daemon.calls).at(-1)).toBe('DELETE /v1/logins/l-1')
  })

  test('no input ends the login', async () => {
    const daemon = await fakeDaemon(routes(nobody))
    const { exitCode, stderr } = await run(daemon, ['login', 'gw', '--paste'], { stdin: '' })
    expect(exitCode).toBe(3)
    expect(stderr).toContain('ended without a URL')
    expect(withoutProfile(daemon.calls).at(-1)).toBe('DELETE /v1/logins/l-1')
  })
})

describe('a profile that needs no person', () => {
  const TOKEN = {
    access_token: 'at-1',
    token_type: 'Bearer',
    expires_in: null,
    expires_at: null,
    scope: null,
    profile: 'job',
  }
  const needsNone: Routes = {
    'POST /v1/logins': problem('request_invalid', 400, { detail: 'It needs no login.' }),
    'GET /v1/profiles/job': { body: { profile: 'job', configuration: { grant: 'client_credentials' } } },
    'GET /v1/tokens/job': { body: TOKEN },
  }

  test('client_credentials: says so and fetches a token, which it does not show', async () => {
    const daemon = await fakeDaemon(needsNone)
    const { exitCode, stdout } = await run(daemon, ['login', 'job'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('job needs no login: catchd gets its tokens without one.')
    expect(stdout).toContain('expiry unknown')
    expect(stdout).not.toContain('at-1')
  })

  test('another refusal stays one', async () => {
    const daemon = await fakeDaemon({
      ...needsNone,
      'GET /v1/profiles/job': { body: { profile: 'job', configuration: {} } },
    })
    const { exitCode, stderr } = await run(daemon, ['login', 'job'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('It needs no login.')
  })
})

test('a device grant shows its code and where to enter it', async () => {
  const begun = {
    login_id: 'l-1',
    status: 'pending',
    user_code: 'WDJB-MJHT',
    verification_uri: 'https://id.example/device',
  }
  const daemon = await fakeDaemon({
    ...routes({ body: SUCCEEDED }),
    'POST /v1/logins': { status: 201, body: begun },
  })
  const { stderr } = await run(daemon, ['login', 'gw'])
  expect(stderr).toContain('WDJB-MJHT')
  expect(stderr).toContain('https://id.example/device')
})
