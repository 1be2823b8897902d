/**
 * How helpers name the program that runs them: only those of tools that ask again after a refusal and for nothing else,
 * and only if the parent process is such a tool.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { CREDENTIAL_TOOLS } from '../../../src/cli/credential/credential.js'
import { PROGRAM } from '../../support/program.js'
import { fakeDaemon, run } from '../run.js'

const TOKEN = {
  access_token: 'at-1',
  token_type: 'Bearer',
  expires_in: 300,
  expires_at: '2026-11-23T15:00:00Z',
  scope: null,
  profile: 'gw',
  context: {},
}
const PROFILE = { profile: 'gw', status: 'ready', configuration: { hosts: ['git.example'] } }
const INFO = (server: string) =>
  JSON.stringify({
    kind: 'ExecCredential',
    apiVersion: 'client.authentication.k8s.io/v1',
    spec: { interactive: false, cluster: { server } },
  })

const daemon = () =>
  fakeDaemon({ 'GET /v1/tokens/gw': { body: TOKEN }, 'GET /v1/profiles': { body: { profiles: [PROFILE] } } })
type Fake = Awaited<ReturnType<typeof daemon>>

const named = ({ asked }: Fake) =>
  asked.filter(({ path }) => path === '/v1/tokens/gw').map(({ headers }) => headers['catchd-asker'])

const KUBECTL = ['credential', '--profile', 'gw', 'kubectl']
const BAZEL = ['credential', '--profile', 'gw', 'bazel', 'get']
const uri = (path: string) => ({ stdin: JSON.stringify({ uri: `https://git.example/${path}` }) })
const info = (host: string) => ({ env: { KUBERNETES_EXEC_INFO: INFO(`https://${host}`) } })

test.each([
  ['kubectl', KUBECTL, info('a.example'), info('b.example')],
  ['bazel', BAZEL, uri('a'), uri('b')],
])('%s: the same name for the same question, another for another', async (_tool, words, one, other) => {
  const fake = await daemon()
  for (const question of [one, one, other]) await run(fake, words, question)
  const [first, second, third] = named(fake)
  expect(first).toMatch(/^[0-9a-f]{64}$/)
  expect(second).toBe(first)
  expect(third).toMatch(/^[0-9a-f]{64}$/)
  expect(third).not.toBe(first)
})

test('two tools with the same question have two names', async () => {
  const fake = await daemon()
  const env = { KUBERNETES_EXEC_INFO: '' }
  await run(fake, KUBECTL, { env })
  await run(fake, BAZEL, uri('a'))
  expect(new Set(named(fake)).size).toBe(2)
})

describe('every other tool gives no name, because it also asks again for other reasons', () => {
  const others = Object.keys(CREDENTIAL_TOOLS).filter((name) => name !== 'kubectl' && name !== 'bazel')
  const stdin: Record<string, string> = {
    git: 'protocol=https\nhost=git.example\n\n',
    docker: 'git.example',
  }
  // AWS's helper asks STS, which answers for itself (aws.test.ts).
  test.each(others.filter((name) => name !== 'aws'))('%s', async (name) => {
    const fake = await daemon()
    const words = ['credential', '--profile', 'gw', '--user', 'me', name, 'get']
    const options = { stdin: stdin[name] ?? '' }
    await run(fake, words, options)
    const names = named(fake)
    expect(names.length).toBeGreaterThan(0)
    expect(new Set(names)).toEqual(new Set([undefined]))
  })

  test('and neither does `catchd token`', async () => {
    const fake = await daemon()
    await run(fake, ['token', 'gw'])
    expect(new Set(named(fake))).toEqual(new Set([undefined]))
  })
})

describe.skipIf(process.platform !== 'linux')('the parent process', () => {
  /** Runs the helper `times` times as children of one new process. */
  const runIn = async (fake: Fake, command: string, args: readonly string[]) => {
    const env = { PATH: process.env['PATH'], HOME: fake.home, CATCHD_HOME: fake.home }
    await promisify(execFile)(command, args, { env })
  }
  const helper = [process.execPath, PROGRAM, ...KUBECTL]
  const twice = `for (const _ of [1, 2]) require('node:child_process').execFileSync(process.argv[1], process.argv.slice(2))`

  test('that starts it twice has one name, and the next one another', async () => {
    const fake = await daemon()
    await runIn(fake, process.execPath, ['-e', twice, '--', ...helper])
    await runIn(fake, process.execPath, ['-e', twice, '--', ...helper])
    const [first, second, third, fourth] = named(fake)
    expect([first, third]).toEqual([second, fourth])
    expect(third).not.toBe(first)
    expect(first).toBeDefined()
  })

  test.each(['sh', 'bash'])('that is a shell (%s) has none: a loop is no refusal', async (shell) => {
    const fake = await daemon()
    const quoted = helper.map((word) => `'${word}'`).join(' ')
    await runIn(fake, shell, ['-c', `for i in 1 2; do ${quoted}; done; true`])
    expect(named(fake)).toEqual([undefined, undefined])
  })
})
