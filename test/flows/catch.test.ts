/** `catchd catch` of the built program: the response as it came, once, and nothing of it anywhere else. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import type { Finished } from '../support/program.js'

const CODE = 'code-canary-81f3'
const STATE = 'state-canary-of-a-tool'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(config?: object): Promise<Daemon> {
  const daemon = await startDaemon({
    env: { CATCHD_LOG_LEVEL: 'trace', CATCHD_VAULT: 'file' },
    ...(config === undefined ? {} : { config }),
  })
  cleanUps.push(() => daemon.stop())
  return daemon
}

/** Runs the command and brings the response as soon as it says that it waits. */
async function catching(daemon: Daemon, args: readonly string[], response: string) {
  const pages: string[] = []
  let browser: Promise<void> | undefined
  const run: Finished = await daemon.cli(['catch', ...args], {
    onStderr: (text) => {
      const uri = /Waiting for an authorization response at (\S+)\n/.exec(text)?.[1]
      if (uri !== undefined) browser ??= visit(daemon, `${uri}?${response}`, pages)
    },
  })
  await browser
  return { ...run, page: pages.join() }
}

async function visit(daemon: Daemon, url: string, pages: string[]): Promise<void> {
  const answered = await daemon.follow(url)
  expect(answered.status).toBe(303)
  pages.push((await daemon.follow(new URL(String(answered.headers['location']), url).href)).body)
}

async function everything(daemon: Daemon): Promise<string> {
  const folder = join(daemon.home, 'state')
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile())
  return (
    daemon.output +
    // A file that is being replaced may be gone by then.
    (
      await Promise.all(names.map(({ name }) => readFile(join(folder, name), 'latin1').catch(() => '')))
    ).join()
  )
}

test('a response with the state, on a port of its own', async () => {
  const daemon = await start()
  const uri = `http://localhost:${await freePort()}/cb`
  const run = await catching(
    daemon,
    ['--redirect-uri', uri, '--state', STATE],
    `code=${CODE}&state=${STATE}&x=1`,
  )
  expect(run.exitCode, run.stderr).toBe(0)
  expect(JSON.parse(run.stdout)).toEqual({ code: CODE, state: STATE, x: '1' })
  expect(run.stderr).not.toContain('--state')
  expect(run.page).toContain('passed the authorization response on to the tool that waited for it')
  expect(run.page).not.toContain(CODE)
  expect(await everything(daemon)).not.toMatch(/canary/)
})

test('without arguments: any response at the default redirect URI', async () => {
  const daemon = await start()
  const run = await catching(daemon, [], `code=${CODE}`)
  expect([run.exitCode, JSON.parse(run.stdout)]).toEqual([0, { code: CODE }])
  expect(run.stderr).toContain('Without --state, any response at this address is accepted')
})

test.each([
  ['access_denied', 3],
  ['server_error', 4],
])('the error response %s is printed too, with exit code %i', async (error, exitCode) => {
  const daemon = await start()
  const run = await catching(daemon, [], `error=${error}&error_description=Not+today`)
  expect(run.exitCode).toBe(exitCode)
  expect(JSON.parse(run.stdout)).toEqual({ error, error_description: 'Not today' })
  expect(run.stderr).toContain(`${error}: Not today`)
  expect(run.page).toContain('answered with an error')
})

test('where a profile has the redirect URI, it says so instead of waiting', async () => {
  const redirectUri = `http://127.0.0.1:${await freePort()}/callback`
  const daemon = await start({
    profiles: { gw: { issuer: 'https://id.example.com', client_id: 'c', redirect_uri: redirectUri } },
  })
  const run = await daemon.cli(['catch', '--redirect-uri', redirectUri])
  expect([run.exitCode, run.stdout]).toEqual([2, ''])
  expect(run.stderr).toContain('is also used by the profile gw')
  const named = await catching(
    daemon,
    ['--redirect-uri', redirectUri, '--state', STATE],
    `code=${CODE}&state=${STATE}`,
  )
  expect(named.exitCode, named.stderr).toBe(0)
})

test('a redirect URI that cannot be bound is refused by its member', async () => {
  const daemon = await start()
  const run = await daemon.cli(['catch', '--redirect-uri', 'https://app.example.com/cb'])
  expect(run.exitCode).toBe(2)
  expect(run.stderr).toContain('--redirect-uri must be')
})

test('a taken port is said before anybody waits', async () => {
  const daemon = await start()
  const run = await daemon.cli(['catch', '--redirect-uri', `http://127.0.0.1:${daemon.apiPort}/cb`])
  expect(run.exitCode).toBe(8)
  expect(run.stderr).not.toContain('Waiting')
})

describe('over the API', () => {
  const begin = async (daemon: Daemon, body: object = {}) => {
    const redirect_uri = `http://127.0.0.1:${await freePort()}/cb`
    return daemon.api('POST', '/v1/logins', { body: { redirect_uri, state: STATE, ...body } })
  }

  test('the response is in one answer, and a caller that asks again gets none', async () => {
    const daemon = await start()
    const { json } = await begin(daemon)
    expect(json).toMatchObject({ profile: null, status: 'pending' })
    expect(json).not.toHaveProperty('authorization_url')
    const path = `/v1/logins/${json['login_id']}`
    const waiting = daemon.api('GET', `${path}?wait=10`)
    await daemon.follow(`${json['redirect_uri']}?code=${CODE}&state=${STATE}`)
    expect((await waiting).json).toMatchObject({
      status: 'succeeded',
      response: { code: CODE, state: STATE },
    })
    const again = await daemon.api('GET', path)
    expect(again.json).toMatchObject({ status: 'succeeded', error: null, stored: null })
    expect(again.text).not.toContain(CODE)
  })

  test('by a form that the server posts', async () => {
    const daemon = await start()
    const { json } = await begin(daemon)
    const formPost = { action: String(json['redirect_uri']), fields: { code: CODE, state: STATE } }
    expect((await daemon.deliver({ formPost })).status).toBe(303)
    const { json: login } = await daemon.api('GET', `/v1/logins/${json['login_id']}`)
    expect(login).toMatchObject({ response: { code: CODE, state: STATE } })
  })

  test('one that waits goes on after a restart', async () => {
    const daemon = await start()
    const { json } = await begin(daemon)
    await daemon.restart()
    await daemon.follow(`${json['redirect_uri']}?code=${CODE}&state=${STATE}`)
    const { json: login } = await daemon.api('GET', `/v1/logins/${json['login_id']}`)
    expect(login).toMatchObject({ response: { code: CODE } })
  })

  test('a key without admin neither begins nor fetches one', async () => {
    const daemon = await start()
    const body = { client: 'ci', profiles: ['gw'], actions: ['token', 'login'] }
    const key = String((await daemon.api('POST', '/v1/clients', { body })).json['key'])
    const { json } = await begin(daemon)
    await daemon.follow(`${json['redirect_uri']}?code=${CODE}&state=${STATE}`)
    const path = `/v1/logins/${json['login_id']}`
    const refused = [
      await daemon.api('GET', path, { via: 'tcp', key }),
      await daemon.api('DELETE', path, { via: 'tcp', key }),
      await daemon.api('POST', '/v1/logins', {
        via: 'tcp',
        key,
        body: { redirect_uri: 'http://127.0.0.1:0/' },
      }),
    ]
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403])
    expect((await daemon.api('GET', path)).json).toMatchObject({ response: { code: CODE } })
  })
})
