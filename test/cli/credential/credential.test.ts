/** Each tool's protocol, word for word, against an API that answers as laid out. */
import { describe, expect, test } from 'vitest'
import { type FakeDaemon, problem } from '../../client/fake-daemon.js'
import { fakeDaemon, run, start } from '../run.js'

const TOKEN = {
  access_token: 'at-1',
  token_type: 'Bearer',
  expires_in: 3600,
  expires_at: '2026-11-23T15:00:00Z',
  scope: 'email',
  profile: 'hub',
}
const EPOCH = Date.parse(TOKEN.expires_at) / 1000

const profile = (name: string, hosts: string[]) => ({
  profile: name,
  configuration: { hosts },
  status: 'logged_in',
  expires_at: null,
  scope: null,
  subject: null,
})

const daemon = (more = {}) =>
  fakeDaemon({
    'GET /v1/profiles': { body: { profiles: [profile('hub', ['git.example', 'localhost:3000'])] } },
    'GET /v1/tokens/hub': { body: TOKEN },
    'POST /v1/tokens/hub/refresh': { body: TOKEN },
    ...more,
  })

/** The tokens that the daemon was told to have been refused. */
const refusalsIn = ({ asked }: FakeDaemon) =>
  asked.flatMap(({ method, body }) => (method === 'POST' ? [(body as { refused: string }).refused] : []))

const git = (lines: string[]) => `${lines.join('\n')}\n`

describe('git', () => {
  test('get: the token is the password, with its expiry', async () => {
    const asked = git(['protocol=https', 'host=git.example', 'wwwauth[]=Basic realm="x"'])
    const { stdout, exitCode } = await run(await daemon(), ['credential', 'git', 'get'], { stdin: asked })
    expect({ stdout, exitCode }).toEqual({
      stdout: `username=oauth2\npassword=at-1\npassword_expiry_utc=${EPOCH}\n`,
      exitCode: 0,
    })
  })

  test('a blank line ends the question, though the pipe stays open', async () => {
    const running = start(await daemon(), ['credential', 'git', 'get'])
    for (const part of ['protocol=https\nhost=git.exa', 'mple\n', '\n']) {
      running.child.stdin.write(part)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const { exitCode, stdout } = await running.finished()
    expect(exitCode).toBe(0)
    expect(stdout).toContain('password=at-1')
  })

  test('a git that knows authtype sends Bearer to a server that offers it', async () => {
    const asked = git([
      'capability[]=authtype',
      'protocol=https',
      'host=git.example',
      'wwwauth[]=Bearer realm="git"',
    ])
    const { stdout } = await run(await daemon(), ['credential', 'git', 'get'], { stdin: asked })
    expect(stdout.split('\n')).toEqual([
      'capability[]=authtype',
      'ephemeral=1',
      'authtype=Bearer',
      'credential=at-1',
      `password_expiry_utc=${EPOCH}`,
      '',
    ])
  })

  test.each<[string, string[], 'Bearer' | 'password']>([
    ['GitHub', ['Basic realm="GitHub"'], 'password'],
    ['GitLab', ['Basic realm="GitLab"'], 'password'],
    ['Azure DevOps', ['Bearer authorization_uri=https://login.example/1', 'Basic realm="x"'], 'Bearer'],
    ['both in one field', ['Basic realm="x", Bearer realm="y"'], 'Bearer'],
    ['Bearer without parameters', ['Negotiate', 'bearer'], 'Bearer'],
    ['Bearer first, in one field', ['BEARER, Basic realm="x"'], 'Bearer'],
    ['Bearer as a realm', ['Basic realm="x, Bearer y"'], 'password'],
    ['Bearer behind an escaped quote', ['Basic realm="a\\", Bearer b"'], 'password'],
    ['Bearer in an open text', ['Basic realm="x, Bearer y'], 'password'],
    ['Bearer as a parameter', ['Digest qop=auth, bearer=1'], 'password'],
    ['another scheme that begins so', ['BearerToken realm="x"'], 'password'],
    ['a list that was cleared', ['Bearer', '', 'Basic realm="x"'], 'password'],
    ['nothing (proactive authentication)', [], 'password'],
  ])('%s', async (_what, challenges, scheme) => {
    const question = [
      ...['capability[]=authtype', 'capability[]=state', 'protocol=https', 'host=git.example'],
      ...challenges.map((value) => `wwwauth[]=${value}`),
    ]
    const answered = async (words: string[], lines: string[]) =>
      (await run(await daemon(), words, { stdin: git(lines) })).stdout
    const get = ['credential', 'git', 'get']
    const answer = await answered(get, question)
    expect(answer).toContain('capability[]=authtype\nephemeral=1\n')
    const bearer = 'authtype=Bearer\ncredential=at-1\n'
    expect(answer).toContain(scheme === 'Bearer' ? bearer : 'username=oauth2\npassword=at-1\n')
    if (scheme === 'password') return
    // A git that does not know authtype, and a user who knows better.
    expect(await answered(get, question.slice(2))).toContain('username=oauth2\npassword=at-1\n')
    const forced = await answered(['credential', '--user', 'ada', 'git', 'get'], question)
    expect(forced).toContain('username=ada\npassword=at-1\n')
    expect(forced).not.toContain('authtype=')
  })

  test('the user name that git asks for is kept', async () => {
    const asked = git(['protocol=https', 'host=git.example', 'username=ada'])
    const { stdout } = await run(await daemon(), ['credential', 'git', 'get'], { stdin: asked })
    expect(stdout).toContain('username=ada\n')
  })

  test.each([
    ['a host of no profile', ['protocol=https', 'host=other.example']],
    ['plain http', ['protocol=http', 'host=git.example']],
    ['another port', ['protocol=https', 'host=git.example:8443']],
  ])('%s: no token, and git goes on', async (_what, lines) => {
    const fake = await daemon()
    const { stdout, exitCode } = await run(fake, ['credential', 'git', 'get'], { stdin: git(lines) })
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 })
    expect(fake.asked.filter(({ path }) => path.startsWith('/v1/tokens'))).toEqual([])
  })

  test('plain http to this machine is fine', async () => {
    const asked = git(['protocol=http', 'host=localhost:3000'])
    const { stdout } = await run(await daemon(), ['credential', 'git', 'get'], { stdin: asked })
    expect(stdout).toContain('password=at-1')
  })

  test('store keeps nothing and asks nothing', async () => {
    const fake = await daemon()
    const asked = git(['protocol=https', 'host=git.example', 'username=x', 'password=y'])
    expect(await run(fake, ['credential', 'git', 'store'], { stdin: asked })).toMatchObject({ exitCode: 0 })
    expect(fake.asked).toEqual([])
  })

  test.each([
    ['a password', 'password=at-0'],
    ['a Bearer credential', 'authtype=Bearer\ncredential=at-0'],
  ])('erase of %s tells the daemon which token was refused', async (_what, line) => {
    const fake = await daemon()
    const asked = git(['protocol=https', 'host=git.example', line])
    const { exitCode, stdout } = await run(fake, ['credential', 'git', 'erase'], { stdin: asked })
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
    expect(refusalsIn(fake)).toEqual(['at-0'])
  })

  test('erase of nothing, or for another host, tells nothing', async () => {
    const fake = await daemon()
    for (const lines of [
      ['protocol=https', 'host=git.example'],
      ['protocol=https', 'host=other.example', 'password=at-1'],
    ]) {
      await run(fake, ['credential', 'git', 'erase'], { stdin: git(lines) })
    }
    expect(refusalsIn(fake)).toEqual([])
  })

  test('an operation of a newer git is passed over', async () => {
    expect(await run(await daemon(), ['credential', 'git', 'capability'])).toMatchObject({
      exitCode: 0,
      stdout: '',
    })
  })

  test('a login is required: exit code 3, nothing on stdout', async () => {
    const fake = await daemon({ 'GET /v1/tokens/hub': problem('login_required', 409, { profile: 'hub' }) })
    const asked = git(['protocol=https', 'host=git.example'])
    const { stdout, stderr, exitCode } = await run(fake, ['credential', 'git', 'get'], { stdin: asked })
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 })
    expect(stderr).toContain('catchd login hub')
  })
})

describe('docker', () => {
  test('get', async () => {
    const { stdout } = await run(await daemon(), ['credential', 'docker', 'get'], {
      stdin: 'https://git.example/v1/\n',
    })
    expect(JSON.parse(stdout)).toEqual({
      ServerURL: 'https://git.example/v1/',
      Username: 'oauth2',
      Secret: 'at-1',
    })
  })

  test('an unknown registry is the sentence that docker compares with', async () => {
    expect(
      await run(await daemon(), ['credential', 'docker', 'get'], { stdin: 'quay.example' }),
    ).toMatchObject({ stdout: 'credentials not found in native keychain\n', exitCode: 1 })
  })

  test('list names hosts and users, and no token is fetched for it', async () => {
    const fake = await daemon()
    const { stdout } = await run(fake, ['credential', '--user', 'AWS', 'docker', 'list'])
    expect(JSON.parse(stdout)).toEqual({ 'https://git.example': 'AWS', 'https://localhost:3000': 'AWS' })
    expect(fake.asked.map(({ path }) => path)).toEqual(['/v1/profiles'])
  })

  test('a failure stands on both streams, with its exit code', async () => {
    const fake = await daemon({ 'GET /v1/tokens/hub': problem('login_required', 409, { profile: 'hub' }) })
    const asked = await run(fake, ['credential', 'docker', 'get'], { stdin: 'git.example' })
    expect(asked.exitCode).toBe(3)
    expect(asked.stdout).toMatch(/^catchd: .* → catchd login hub\n$/)
    expect(asked.stderr).toContain('catchd login hub')
  })

  test('store is refused, erase is nothing', async () => {
    const stored = await run(await daemon(), ['credential', 'docker', 'store'], { stdin: '{}' })
    expect(stored.exitCode).toBe(1)
    expect(await run(await daemon(), ['credential', 'docker', 'erase'], { stdin: 'x' })).toMatchObject({
      exitCode: 0,
    })
  })
})

describe('kubectl', () => {
  const info = (apiVersion: string, server?: string) =>
    JSON.stringify({
      kind: 'ExecCredential',
      apiVersion,
      spec: { interactive: false, ...(server === undefined ? {} : { cluster: { server } }) },
    })

  test.each(['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'])(
    'answers in %s',
    async (apiVersion) => {
      const { stdout } = await run(await daemon(), ['credential', '--profile', 'hub', 'kubectl'], {
        env: { KUBERNETES_EXEC_INFO: info(apiVersion) },
      })
      expect(JSON.parse(stdout)).toEqual({
        apiVersion,
        kind: 'ExecCredential',
        status: { token: 'at-1', expirationTimestamp: TOKEN.expires_at },
      })
    },
  )

  test('the cluster finds the profile', async () => {
    const env = { KUBERNETES_EXEC_INFO: info('client.authentication.k8s.io/v1', 'https://git.example') }
    const { stdout } = await run(await daemon(), ['credential', 'kubectl'], { env })
    expect(stdout).toContain('at-1')
  })

  test.each([
    ['another version', info('client.authentication.k8s.io/v2'), 'v2'],
    ['no JSON', 'x', 'ExecCredential'],
  ])('%s is a usage error', async (_what, text, said) => {
    const { exitCode, stderr } = await run(await daemon(), ['credential', '--profile', 'hub', 'kubectl'], {
      env: { KUBERNETES_EXEC_INFO: text },
    })
    expect(exitCode).toBe(2)
    expect(stderr).toContain(said)
  })

  test('an unknown lifetime is not made up', async () => {
    const fake = await daemon({
      'GET /v1/tokens/hub': { body: { ...TOKEN, expires_in: null, expires_at: null } },
    })
    const { stdout } = await run(fake, ['credential', '--profile', 'hub', 'kubectl'])
    expect(JSON.parse(stdout)).toMatchObject({ status: { token: 'at-1' } })
    expect(stdout).not.toContain('expirationTimestamp')
  })
})

describe('gcp', () => {
  test('an executable-sourced credential', async () => {
    const { stdout } = await run(await daemon(), ['credential', '--profile', 'hub', 'gcp'], {
      env: { GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE: 'urn:ietf:params:oauth:token-type:id_token' },
    })
    expect(JSON.parse(stdout)).toEqual({
      version: 1,
      success: true,
      token_type: 'urn:ietf:params:oauth:token-type:id_token',
      id_token: 'at-1',
      expiration_time: EPOCH,
    })
  })

  test('a failure is JSON, too', async () => {
    const fake = await daemon({ 'GET /v1/tokens/hub': problem('login_required', 409, { profile: 'hub' }) })
    const { stdout, exitCode } = await run(fake, ['credential', '--profile', 'hub', 'gcp'])
    expect(exitCode).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      version: 1,
      success: false,
      code: 'login_required',
      message: expect.stringContaining('catchd login hub'),
    })
  })
})

describe('headers', () => {
  test('for MCP hosts', async () => {
    const { stdout } = await run(await daemon(), ['credential', '--profile', 'hub', 'headers'])
    expect(JSON.parse(stdout)).toEqual({ Authorization: 'Bearer at-1' })
  })

  test('for Go: the asked URL, or every host', async () => {
    const one = await run(await daemon(), ['credential', 'goauth', 'https://git.example/mod'])
    expect(one.stdout).toBe('https://git.example\n\nAuthorization: Bearer at-1\n\n')
    const all = await run(await daemon(), ['credential', 'goauth'])
    expect(all.stdout).toContain('https://localhost:3000\n\n')
  })

  describe('for Go, which tells what the server answered', () => {
    const URL = 'https://git.example/mod?go-get=1'
    const response = (status: string, ...fields: string[]) => `HTTP/1.1 ${status}\n${git(fields)}\n`
    const UNAUTHORIZED = '401 Unauthorized'

    /** A daemon that has another token for a refused one: once, or never. */
    const renewing = async (renewed: string, hosts = ['git.example', '*.corp.example']) => {
      let current = 'at-1'
      const answer = () => ({ body: { ...TOKEN, access_token: current } })
      return daemon({
        'GET /v1/profiles': { body: { profiles: [profile('hub', hosts)] } },
        'GET /v1/tokens/hub': answer,
        'POST /v1/tokens/hub/refresh': () => {
          current = renewed
          return answer()
        },
      })
    }
    const tokenIn = (stdout: string) => /Bearer (\S+)/.exec(stdout)?.[1]

    test.each<[string, string, boolean]>([
      ['401', response(UNAUTHORIZED), true],
      ['401 of HTTP/2', response('401 ', 'Www-Authenticate: Basic realm="x"').replace('1.1', '2.0'), true],
      ['401 with CRLF', response(UNAUTHORIZED, 'A: b').replaceAll('\n', '\r\n'), true],
      ['401 invalid_token', response(UNAUTHORIZED, 'Www-Authenticate: Bearer error="invalid_token"'), true],
      ['403 invalid_token', response('403 Forbidden', 'WWW-Authenticate: Bearer error=invalid_token'), true],
      [
        '401 insufficient_scope',
        response(UNAUTHORIZED, 'Www-Authenticate: Bearer realm="x", error="insufficient_scope"'),
        false,
      ],
      ['403', response('403 Forbidden'), false],
      ['404', response('404 Not Found', 'X: error="invalid_token"'), false],
      ['410', response('410 Gone'), false],
      ['429', response('429 Too Many Requests', 'Retry-After: 1'), false],
      ['a body that speaks of 401', `${response('404 Not Found')}HTTP/1.1 401 x`, false],
      ['nothing', '', false],
    ])('%s', async (_what, stdin, isRefusal) => {
      const fake = await renewing('at-2')
      const { stdout, exitCode } = await run(fake, ['credential', 'goauth', URL], { stdin })
      expect([tokenIn(stdout), exitCode]).toEqual([isRefusal ? 'at-2' : 'at-1', 0])
      expect(refusalsIn(fake)).toEqual(isRefusal ? ['at-1'] : [])
    })

    test('a host that a suffix names had no token yet, unless the server says that it had', async () => {
      const url = 'https://git.corp.example/mod'
      const fake = await renewing('at-2')
      const unasked = await run(fake, ['credential', 'goauth', url], { stdin: response(UNAUTHORIZED) })
      expect([tokenIn(unasked.stdout), refusalsIn(fake)]).toEqual(['at-1', []])
      const stdin = response(UNAUTHORIZED, 'Www-Authenticate: Bearer error="invalid_token"')
      const refused = await run(fake, ['credential', 'goauth', url], { stdin })
      expect([tokenIn(refused.stdout), refusalsIn(fake)]).toEqual(['at-2', ['at-1']])
    })

    test('a refused token is not given again when there is no other', async () => {
      const fake = await renewing('at-1')
      const stdin = response(UNAUTHORIZED)
      const { stdout, stderr, exitCode } = await run(fake, ['credential', 'goauth', URL], { stdin })
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 })
      expect(stderr).toBe('catchd: git.example refuses new tokens too. → catchd doctor hub\n')
    })

    test('nor when it cannot be refreshed', async () => {
      const fake = await daemon({
        'POST /v1/tokens/hub/refresh': problem('login_required', 409, { profile: 'hub' }),
      })
      const stdin = response(UNAUTHORIZED)
      const { stdout, stderr, exitCode } = await run(fake, ['credential', 'goauth', URL], { stdin })
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 })
      expect(stderr).toContain('→ catchd login hub')
    })

    test('the head ends the response, though the pipe stays open', async () => {
      const running = start(await renewing('at-2'), ['credential', 'goauth', URL])
      running.child.stdin.write(response(UNAUTHORIZED))
      expect(tokenIn((await running.finished()).stdout)).toBe('at-2')
    })

    test('the first call reads nothing', async () => {
      const { stdout } = await start(await renewing('at-2'), ['credential', 'goauth']).finished()
      expect(tokenIn(stdout)).toBe('at-1')
    })
  })

  test('for Bazel', async () => {
    const { stdout } = await run(await daemon(), ['credential', 'bazel', 'get'], {
      stdin: '{"uri":"https://git.example/a.tar.gz"}',
    })
    expect(JSON.parse(stdout)).toEqual({
      headers: { Authorization: ['Bearer at-1'] },
      expires: TOKEN.expires_at,
    })
    const other = await run(await daemon(), ['credential', 'bazel', 'get'], {
      stdin: '{"uri":"https://other.example/"}',
    })
    expect(JSON.parse(other.stdout)).toEqual({ headers: {} })
  })

  test('for tools that read .netrc', async () => {
    const { stdout } = await run(await daemon(), ['credential', 'netrc'])
    expect(stdout).toBe(
      'machine git.example login oauth2 password at-1\nmachine localhost login oauth2 password at-1\n',
    )
  })
})

describe('where all hosts are asked for', () => {
  const two = (more = {}) =>
    daemon({
      'GET /v1/profiles': {
        body: {
          profiles: [profile('out', ['out.example', '*.out.example']), profile('hub', ['git.example'])],
        },
      },
      'GET /v1/tokens/out': problem('login_required', 409, { profile: 'out' }),
      ...more,
    })

  test.each(['netrc', 'goauth'])('%s: a profile without a token takes none from the others', async (tool) => {
    const { stdout, stderr, exitCode } = await run(await two(), ['credential', tool])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('at-1')
    expect(stdout).not.toContain('out.example')
    expect(stderr).toMatch(/^catchd: .* → catchd login out\n$/)
  })

  test.each(['netrc', 'goauth'])('%s: no profile with a token is a failure', async (tool) => {
    const fake = await two({ 'GET /v1/tokens/hub': problem('login_required', 409, { profile: 'hub' }) })
    expect(await run(fake, ['credential', tool])).toMatchObject({ exitCode: 3, stdout: '' })
  })

  test('the host that is asked for is not made up for', async () => {
    const asked = await run(await two(), ['credential', 'goauth', 'https://out.example/mod'])
    expect(asked).toMatchObject({ exitCode: 3, stdout: '' })
  })
})

describe('mail', () => {
  const decoded = (text: string) => Buffer.from(text.trim(), 'base64').toString()

  test('XOAUTH2 and OAUTHBEARER', async () => {
    const x = await run(await daemon(), [
      'credential',
      '--profile',
      'hub',
      '--user',
      'a=b@x.example',
      'xoauth2',
    ])
    expect(decoded(x.stdout)).toBe('user=a=b@x.example\u0001auth=Bearer at-1\u0001\u0001')
    const o = await run(await daemon(), [
      ...['credential', '--profile', 'hub', '--user', 'a=b@x.example', 'oauthbearer'],
    ])
    expect(decoded(o.stdout)).toBe('n,a=a=3Db@x.example,\u0001auth=Bearer at-1\u0001\u0001')
  })

  test('without a mailbox it is a usage error', async () => {
    const { exitCode, stdout } = await run(await daemon(), ['credential', '--profile', 'hub', 'xoauth2'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  })
})

test.each(['headers', 'kubectl', 'netrc'])(
  '%s: a token that is bound to a key is of no use',
  async (tool) => {
    const fake = await daemon({ 'GET /v1/tokens/hub': { body: { ...TOKEN, token_type: 'DPoP' } } })
    const { exitCode, stdout, stderr } = await run(fake, ['credential', '--profile', 'hub', tool])
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
    expect(stderr).toContain('→ catchd help proxy')
  },
)

test('an unknown tool is a usage error that names those that are known', async () => {
  const { exitCode, stderr } = await run(await daemon(), ['credential', 'svn', 'get'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('kubectl')
})

test("an option of another tool is a usage error, and AWS's role is asked for", async () => {
  const words = ['credential', '--profile', 'hub']
  const foreign = await run(await daemon(), [...words, 'gcp', '--role-arn', 'x'])
  expect(foreign).toMatchObject({ exitCode: 2, stdout: '' })
  expect(foreign.stderr).toContain('gcp does not support one of')
  const aws = await run(await daemon(), [...words, 'aws', '--duration', '900'])
  expect(aws).toMatchObject({ exitCode: 2, stdout: '' })
  expect(aws.stderr).toContain('--role-arn')
})
