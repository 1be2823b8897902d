import { expect, test } from 'vitest'
import { problem, type Routes } from '../client/fake-daemon.js'
import { fakeDaemon, run, start } from './run.js'

const URI = 'http://localhost:3000/cb'
const BEGUN = {
  login_id: 'l-1',
  profile: null,
  status: 'pending',
  redirect_uri: URI,
  expires_at: '2026-11-23T15:00:00Z',
}
const RESPONSE = { code: 'c-1', state: 'state-of-the-tool' }
const CAUGHT = { ...BEGUN, status: 'succeeded', error: null, stored: null, response: RESPONSE }

const routes = (settled: Routes[string]): Routes => ({
  'POST /v1/logins': { status: 201, body: BEGUN },
  'GET /v1/logins/l-1': settled,
  'DELETE /v1/logins/l-1': {},
})

test('asks for what it was told, and prints the response as JSON', async () => {
  const daemon = await fakeDaemon(routes({ body: CAUGHT }))
  const args = ['catch', '--redirect-uri', URI, '--state', RESPONSE.state]
  const { exitCode, stdout, stderr } = await run(daemon, args)
  expect(daemon.asked[0]?.body).toEqual({ redirect_uri: URI, state: RESPONSE.state })
  expect([exitCode, JSON.parse(stdout)]).toEqual([0, RESPONSE])
  expect(stderr).toBe(`Waiting for an authorization response at ${URI}\n`)
})

test('without arguments, at the default redirect URI and for any state', async () => {
  const daemon = await fakeDaemon(routes({ body: CAUGHT }))
  await run(daemon, ['catch'], { env: { CATCHD_REDIRECT_PORT: '8300' } })
  expect(daemon.asked[0]?.body).toEqual({ redirect_uri: 'http://127.0.0.1:8300/callback' })
})

test.each([
  ['access_denied', 3],
  ['invalid_scope', 4],
])('the error response %s is printed, with exit code %i', async (error, expected) => {
  const daemon = await fakeDaemon(routes({ body: { ...CAUGHT, response: { error } } }))
  const { exitCode, stdout, stderr } = await run(daemon, ['catch'])
  expect([exitCode, JSON.parse(stdout)]).toEqual([expected, { error }])
  expect(stderr).toContain(`the server said ${error}`)
})

test.each([
  ['expired', 'login_expired'],
  ['cancelled', 'login_required'],
])('one that is %s is exit code 3, and says how to begin again', async (status, code) => {
  const daemon = await fakeDaemon(
    routes({ body: { ...BEGUN, status, error: { code, detail: 'The cause.' } } }),
  )
  const { exitCode, stdout, stderr } = await run(daemon, ['catch'])
  expect([exitCode, stdout]).toEqual([3, ''])
  expect(stderr).toMatch(/The cause\.\n {2}→ catchd catch\n$/)
})

test('a response that somebody else was handed is no success', async () => {
  const { response: _gone, ...rest } = CAUGHT
  const daemon = await fakeDaemon(routes({ body: rest }))
  const { exitCode, stdout, stderr } = await run(daemon, ['catch'])
  expect([exitCode, stdout]).toEqual([3, ''])
  expect(stderr).toContain('another program')
})

test('a refusal is the exit code of its cause, and nothing is said to wait', async () => {
  const daemon = await fakeDaemon({
    'POST /v1/logins': problem('redirect_port_in_use', 409, { detail: 'D.' }),
  })
  const { exitCode, stderr } = await run(daemon, ['catch'])
  expect(exitCode).toBe(8)
  expect(stderr).not.toContain('Waiting')
})

test('an interrupt cancels it', async () => {
  const daemon = await fakeDaemon(routes({ silent: true }))
  const running = start(daemon, ['catch'], { stdin: '' })
  await running.said('Waiting')
  await expect.poll(() => daemon.calls).toContain('GET /v1/logins/l-1')
  running.child.kill('SIGINT')
  expect((await running.finished()).exitCode).toBe(130)
  expect(daemon.calls.at(-1)).toBe('DELETE /v1/logins/l-1')
})
