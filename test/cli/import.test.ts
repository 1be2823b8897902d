/** `catchd import` on the command line. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fakeDaemon, run } from './run.js'

const profile = (name: string) => ({
  profile: name,
  configuration: {},
  status: 'login_required',
  expires_at: null,
  scope: null,
  subject: null,
  login_needed_at: null,
})

const GOOGLE = JSON.stringify({
  installed: { client_id: 'c', client_secret: 'secret-canary', project_id: 'My Project' },
})

test('writes the profile, with the secret for the vault, and says what to do next', async () => {
  const daemon = await fakeDaemon({
    'GET /v1/profiles': { body: { profiles: [] } },
    'PUT /v1/profiles/my-project': { status: 201, body: profile('my-project') },
  })
  const { exitCode, stdout, stderr } = await run(daemon, ['import', 'google'], { stdin: GOOGLE })
  expect([exitCode, stdout]).toEqual([0, 'Imported: my-project\n'])
  expect(stderr).toContain('→ catchd login my-project')
  expect(stdout + stderr).not.toContain('canary')
})

test('a name that is taken is not written over', async () => {
  const daemon = await fakeDaemon({
    'GET /v1/profiles': { body: { profiles: [profile('my-project')] } },
    'PUT /v1/profiles/my-project-2': { status: 201, body: profile('my-project-2') },
  })
  const { exitCode, stdout } = await run(daemon, ['import', 'google', '--json'], { stdin: GOOGLE })
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout).profiles).toEqual([{ profile: 'my-project-2', notes: [expect.any(String)] }])
})

test('MCP servers become commands', async () => {
  const daemon = await fakeDaemon({ 'GET /v1/profiles': { body: { profiles: [] } } })
  const stdin = JSON.stringify({ mcpServers: { Linear: { url: 'https://mcp.linear.app/mcp' } } })
  const { stdout } = await run(daemon, ['import', 'mcp'], { stdin })
  expect(stdout).toBe('catchd login https://mcp.linear.app/mcp --name linear\n')
})

test.each([
  [['import', 'google', '/no/such/file'], 'cannot be read (ENOENT)'],
  [['import', 'google'], 'not a configuration of a Google client'],
  [['import', 'nobody'], 'Allowed choices'],
])('%j is a usage error', async (args, part) => {
  const daemon = await fakeDaemon({ 'GET /v1/profiles': { body: { profiles: [] } } })
  const { exitCode, stderr } = await run(daemon, args, { stdin: '{}' })
  expect(exitCode).toBe(2)
  expect(stderr).toContain(part)
})

test('a URL of others is one word of the command, and what is no URL is no command', async () => {
  const daemon = await fakeDaemon({ 'GET /v1/profiles': { body: { profiles: [] } } })
  const mcpServers = {
    a: { url: "https://x.example/mcp; touch '/tmp/x' #" },
    b: { url: '$(id)' },
    c: { url: '--config=x' },
    d: { url: 'https://x.example/\u001b]0;title\u0007' },
  }
  const { stdout, stderr } = await run(daemon, ['import', 'mcp'], { stdin: JSON.stringify({ mcpServers }) })
  expect(stdout.split('\n')).toEqual([
    "catchd login 'https://x.example/mcp; touch '\\''/tmp/x'\\'' #' --name a",
    "catchd login 'https://x.example/\\u{1b}]0;title\\u{7}' --name d",
    '',
  ])
  expect(stderr).toContain('Not imported: b, because $(id) is not an http or https URL.')
  expect(stderr).toContain('Not imported: c')
})

test('more than 1 MiB is refused, from a file and from stdin', async () => {
  const daemon = await fakeDaemon({ 'GET /v1/profiles': { body: { profiles: [] } } })
  const folder = mkdtempSync(join(tmpdir(), 'catchd-import-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'large')
  writeFileSync(file, ' '.repeat(1024 * 1024 + 1))
  for (const [args, stdin] of [
    [['import', 'mcp', file], ''],
    [['import', 'mcp'], ' '.repeat(1024 * 1024 + 1)],
  ] as const) {
    const { exitCode, stderr } = await run(daemon, args, { stdin })
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('er than 1 MiB')])
  }
})

test.skipIf(process.platform === 'win32')('a named pipe and a device are refused at once', async () => {
  const daemon = await fakeDaemon({ 'GET /v1/profiles': { body: { profiles: [] } } })
  const folder = mkdtempSync(join(tmpdir(), 'catchd-import-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const file of [pipe, '/dev/zero', folder]) {
    const { exitCode, stderr } = await run(daemon, ['import', 'mcp', file])
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`${file} is not a file.`)])
  }
})
