/** `catchd import` on the command line. */
import { expect, test } from 'vitest'
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
