/** `catchd forward` up to the moment when ssh is called; test/flows/real-tools/ssh.test.ts goes on from there. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { problem } from '../client/fake-daemon.js'
import { fakeDaemon, run } from './run.js'

const PROFILES = ['--profiles', 'gw']

test.each([
  ['nowhere to', PROFILES, 'either user@host or --socket'],
  ['two places', ['me@host', '--socket', '/x', ...PROFILES], 'either user@host or --socket'],
  ['no profiles', ['me@host'], '--profiles'],
  ['an option as destination', [...PROFILES, '--', '-oProxyCommand=x'], 'like user@host'],
  ['a key that may do everything', ['me@host', ...PROFILES, '--actions', 'token,admin'], 'token, login'],
  [
    'a port for a container',
    ['--socket', '/x', '--port', '80', ...PROFILES],
    '--port and --callback need user@host',
  ],
  ['a port that is none', ['me@host', '--port', '0', ...PROFILES], '1 to 65535'],
  ['callback ports that are none', ['me@host', '--callback', '3000,x', ...PROFILES], 'port'],
  ['no duration', ['me@host', '--expires', 'soon', ...PROFILES], '90d'],
])('%s is a usage error, and makes no key', async (_what, words, said) => {
  const daemon = await fakeDaemon()
  const { exitCode, stdout, stderr } = await run(daemon, ['forward', ...words])
  expect({ exitCode, stdout, calls: daemon.calls }).toEqual({ exitCode: 2, stdout: '', calls: [] })
  expect(stderr).toContain(said)
})

const status = (tcp: string | null) => ({
  body: { listeners: { redirect: [], socket: '/x', tcp, tcp_error: null } },
})

test('without a TCP port nobody would ask for the key', async () => {
  const daemon = await fakeDaemon({ 'GET /v1/status': status(null) })
  const { exitCode, stderr } = await run(daemon, ['forward', 'me@host', ...PROFILES])
  expect(exitCode).toBe(7)
  expect(stderr).toContain('CATCHD_API_PORT')
})

test('an unknown profile is refused by the daemon before anything is opened', async () => {
  const daemon = await fakeDaemon({
    'GET /v1/status': status('http://127.0.0.1:7636'),
    'POST /v1/clients': problem('profile_unknown', 404, { profile: 'gw' }),
  })
  const { exitCode, stderr } = await run(daemon, ['forward', 'me@host', ...PROFILES])
  expect(exitCode).toBe(7)
  expect(stderr).toContain('→ catchd')
  expect(daemon.asked.find(({ method }) => method === 'POST')?.body).toMatchObject({
    profiles: ['gw'],
    actions: ['token'],
    expires_in: 43_200,
  })
})

test.each([
  ['a path that is taken', 'taken', 8, 'it is in use'],
  ['a path that is too long', 'x'.repeat(120), 2, '103 bytes'],
])('%s ends it, and the key with it', async (_what, file, exit, said) => {
  let name = ''
  const daemon = await fakeDaemon({
    'GET /v1/status': status('http://127.0.0.1:7636'),
    'GET /v1/profiles': { body: { profiles: [] } },
    'POST /v1/clients': ({ body }) => {
      const asked = body as { readonly client: string }
      name = asked.client
      daemon.routes[`DELETE /v1/clients/${name}`] = { status: 204 }
      return {
        status: 201,
        body: { ...asked, key: 'k', created_at: '', expires_at: null, last_used_at: null },
      }
    },
  })
  const path = join(daemon.home, file)
  writeFileSync(join(daemon.home, 'taken'), 'mine')
  const { exitCode, stderr } = await run(daemon, ['forward', '--socket', path, ...PROFILES])
  expect({ exitCode, last: daemon.calls.filter((call) => call !== 'GET /v1/status').at(-1) }).toEqual({
    exitCode: exit,
    last: `DELETE /v1/clients/${name}`,
  })
  expect(stderr).toContain(said)
  expect(stderr).toContain('There is no profile "gw" yet.')
  expect(readFileSync(join(daemon.home, 'taken'), 'utf8')).toBe('mine')
})
