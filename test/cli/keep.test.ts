/** `catchd keep`: a file that holds a fresh token for as long as somebody needs it. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { pauseUntilNext, TokenFile } from '../../src/cli/token-file.js'
import type { TokenAnswer } from '../../src/client/api-types.js'
import { CatchdError } from '../../src/failures.js'
import { bareToken } from '../../src/fast-path/token-format.js'
import { problem } from '../client/fake-daemon.js'
import { fakeDaemon, run, start } from './run.js'

let folder = ''
let path = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-keep-'))
  path = join(folder, 'token')
})
afterEach(() => rmSync(folder, { recursive: true }))

const token = (text: string, expiresIn: number | null = 3600): TokenAnswer => ({
  access_token: text,
  token_type: 'Bearer',
  expires_in: expiresIn,
  expires_at: expiresIn === null ? null : '2026-11-23T15:00:00Z',
  scope: 'email',
  profile: 'gw',
  context: {},
})
const content = () => readFileSync(path, 'utf8')

test.each([
  ['long-lived: every half a minute', 3600, 120, 30],
  ['nearly due', 130, 120, 65],
  ['due within seconds', 20, 0, 20],
  ['shorter than what should be left: half its life', 40, 120, 20],
  ['over', 0, 120, 1],
  ['of unknown life', null, 120, 30],
])('%s', (_what, left, minTtl, seconds) => {
  expect(pauseUntilNext(token('x', left), minTtl)).toBe(Math.min(seconds, 30) * 1000)
})

describe('the file', () => {
  async function kept(answers: (TokenAnswer | Error)[], until: () => boolean) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const ending = new AbortController()
      const failures: string[] = []
      const file = new TokenFile(path, bareToken)
      const first = answers.shift() as TokenAnswer
      await file.write(first)
      let asked = 0
      const keeping = file.keepFresh(first, {
        token: async () => {
          asked += 1
          const answer = answers.length > 1 ? answers.shift() : answers[0]
          if (answer instanceof Error) throw answer
          return answer as TokenAnswer
        },
        minTtlSeconds: 60,
        onFailure: ({ code }) => failures.push(code),
        signal: ending.signal,
      })
      while (!until()) {
        await vi.advanceTimersByTimeAsync(1000)
        await new Promise((resolve) => setImmediate(resolve))
      }
      ending.abort()
      await keeping
      return { file, failures, asked }
    } finally {
      vi.useRealTimers()
    }
  }

  test('is replaced when the token is another, with mode 0600 whatever was there', async () => {
    writeFileSync(path, 'old', { mode: 0o644 })
    await kept([token('at-1'), token('at-2')], () => content() === 'at-2')
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('comes back when somebody removes it', async () => {
    let removed = false
    await kept([token('at-1'), token('at-1')], () => {
      if (!removed) rmSync(path)
      removed = true
      return statSync(path, { throwIfNoEntry: false }) !== undefined
    })
    expect(content()).toBe('at-1')
  })

  test('stays when asking fails, which is told once, and is fresh again after a login', async () => {
    const failure = new CatchdError('login_required')
    const answers = [token('at-1'), failure, failure, failure, token('at-2')]
    const seen = new Set<string>()
    const { failures } = await kept(answers, () => {
      const now = content()
      seen.add(now)
      return now === 'at-2'
    })
    expect({ failures, seen: [...seen] }).toEqual({ failures: ['login_required'], seen: ['at-1', 'at-2'] })
  })

  test('is removed, unless it holds something else by then', async () => {
    const file = new TokenFile(path, bareToken)
    await file.write(token('at-1'))
    await file.remove()
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
    await file.write(token('at-1'))
    writeFileSync(path, 'mine')
    await file.remove()
    expect(content()).toBe('mine')
  })

  test.each([true, false])('a link is replaced, not followed; its target exists: %s', async (exists) => {
    const target = join(folder, 'elsewhere')
    if (exists) writeFileSync(target, 'theirs')
    symlinkSync(target, path)
    const file = new TokenFile(path, bareToken)
    await file.write(token('at-1'))
    expect(readFileSync(path, 'utf8')).toBe('at-1')
    expect(lstatSync(path).isFile()).toBe(true)
    expect(existsSync(target) ? readFileSync(target, 'utf8') : null).toBe(exists ? 'theirs' : null)
    // A link that takes its place later stays: the file is not ours any more.
    rmSync(path)
    symlinkSync(target, path)
    await file.remove()
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
  })

  test.skipIf(process.getuid === undefined)('no token is written where others can replace it', async () => {
    chmodSync(folder, 0o777)
    await expect(new TokenFile(path, bareToken).write(token('at-1'))).rejects.toMatchObject({
      code: 'config_invalid',
      next: `chmod go-w ${folder}`,
    })
    expect(existsSync(path)).toBe(false)
    chmodSync(folder, 0o1777)
    await new TokenFile(path, bareToken).write(token('at-1'))
    expect(readFileSync(path, 'utf8')).toBe('at-1')
  })

  test.skipIf(process.getuid?.() !== 0)('nor over a file of another user', async () => {
    writeFileSync(path, 'theirs')
    chownSync(path, 65_432, 65_432)
    await expect(new TokenFile(path, bareToken).write(token('at-1'))).rejects.toThrow(
      'belongs to another user',
    )
    expect(readFileSync(path, 'utf8')).toBe('theirs')
  })

  test('nor over what is no file', async () => {
    mkdirSync(path)
    await expect(new TokenFile(path, bareToken).write(token('at-1'))).rejects.toThrow('is not a file')
  })
})

describe('the command', () => {
  const api = () => fakeDaemon({ 'GET /v1/tokens/gw': { body: token('at-1') } })

  test.each([
    ['raw, without a line end', 'raw', 'at-1'],
    ['header', 'header', 'Authorization: Bearer at-1\n'],
    ['netrc', 'netrc', 'machine git.example login oauth2 password at-1\n'],
  ])('%s: stands there while the command runs, whose exit code is passed on', async (_what, format, text) => {
    const daemon = await api()
    daemon.routes['GET /v1/profiles/gw'] = {
      body: { profile: 'gw', configuration: { hosts: ['git.example', '*.corp.example'] } },
    }
    const script = 'stat -c %a "$0" && cat "$0"; exit 3'
    const words = ['keep', 'gw', '--file', path, '--format', format, '--', 'sh', '-c', script, path]
    const { stdout, exitCode } = await run(daemon, words)
    expect({ stdout, exitCode }).toEqual({ stdout: `600\n${text}`, exitCode: 3 })
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('alone it prints the path once the file is there, and removes it when it is interrupted', async () => {
    const running = start(await api(), ['keep', 'gw', '--file', path])
    const [line] = (await new Promise<Buffer>((resolve) => running.child.stdout.once('data', resolve)))
      .toString()
      .split('\n')
    expect({ line, content: content() }).toEqual({ line: path, content: 'at-1' })
    running.child.kill('SIGINT')
    expect(await running.finished()).toMatchObject({ exitCode: 130 })
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('a login is required: no command is run, nothing is written', async () => {
    const daemon = await fakeDaemon({
      'GET /v1/tokens/gw': problem('login_required', 409, { profile: 'gw' }),
    })
    const finished = await run(daemon, ['keep', 'gw', '--file', path, '--', 'echo', 'ran'])
    expect(finished).toMatchObject({ exitCode: 3, stdout: '' })
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('a folder that is not there is an error with the path', async () => {
    const { exitCode, stderr } = await run(await api(), ['keep', 'gw', '--file', '/nowhere/at/all/token'])
    expect(exitCode).toBe(7)
    expect(stderr).toContain('/nowhere/at/all/token cannot be written (ENOENT)')
  })
})
