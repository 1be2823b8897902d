/** An authorization response that another user of this machine brings, with a `state` that this user's login waits for. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Daemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { asOtherUser, otherUserReason } from '../support/other-user.js'
import { startSeedSystem } from '../support/seed-system.js'

/** Requests a path, and prints the status. */
const GET = `
const [port, path] = process.argv.slice(1)
require('http').get({ host: '127.0.0.1', port, path, headers: { host: '127.0.0.1:' + port } }, (answer) => {
  answer.resume().on('end', () => console.log(answer.statusCode))
})`
/** Sends the request and closes the connection at once, so that the system no longer names its user. */
const leave = (how: string) => `
const [port, path] = process.argv.slice(1)
const socket = require('net').connect(port, '127.0.0.1', () => {
  socket.write('GET ' + path + ' HTTP/1.1\\r\\nhost: 127.0.0.1:' + port + '\\r\\n\\r\\n', () => socket.${how}())
})`

describe.skipIf(otherUserReason !== undefined)('a response that another user brings', () => {
  async function begin(profile: object = {}) {
    const system = await startSeedSystem({ profile })
    onTestFinished(() => system.stop())
    const { daemon } = system
    const { json } = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
    const state = new URL(String(json['authorization_url'])).searchParams.get('state')
    const statusOf = async () => (await daemon.api('GET', `/v1/logins/${json['login_id']}`)).json['status']
    return {
      ...system,
      begun: json,
      state,
      statusOf,
      path: `/callback/gw?error=access_denied&state=${state}`,
    }
  }
  const bring = (daemon: Daemon, script: string, path: string, ...more: string[]) =>
    asOtherUser(process.execPath, ['-e', script, String(daemon.redirectPort), path, ...more])

  test('gets a 403 and changes nothing: the login of this user still succeeds', async () => {
    const { daemon, approve, begun, path, statusOf } = await begin()
    expect((await bring(daemon, GET, path)).stdout).toBe('403\n')
    expect(await statusOf()).toBe('pending')
    expect(daemon.output).not.toContain('access_denied')
    const answer = await daemon.deliver(await approve(String(begun['authorization_url'])))
    expect(answer.status).toBe(303)
    expect(await statusOf()).toBe('succeeded')
  })

  test.each(['end', 'destroy', 'resetAndDestroy'])(
    'changes nothing if it leaves at once (%s)',
    async (how) => {
      const { daemon, path, statusOf } = await begin()
      await bring(daemon, leave(how), path)
      // The daemon has read it when it has answered the next request.
      expect(
        (await daemon.follow(`http://127.0.0.1:${daemon.redirectPort}/callback/gw?error=x&state=y`)).status,
      ).toBe(400)
      expect(await statusOf()).toBe('pending')
    },
  )

  test('for a catch of any response changes nothing', async () => {
    const { daemon } = await begin()
    const body = { redirect_uri: `http://127.0.0.1:${daemon.redirectPort}/callback` }
    const { json } = await daemon.api('POST', '/v1/logins', { body })
    expect((await bring(daemon, GET, '/callback?code=c')).stdout).toBe('403\n')
    const login = await daemon.api('GET', `/v1/logins/${json['login_id']}`)
    expect(login.json['status']).toBe('pending')
  })

  test('is accepted at an address that a tunnel forwards to, because the tunnel runs as any user', async () => {
    const port = await freePort()
    const { daemon, state, statusOf } = await begin({
      redirect_uri: 'https://tunnel.example/cb',
      listen: `127.0.0.1:${port}`,
    })
    const path = `/cb?error=access_denied&state=${state}`
    const run = await asOtherUser(process.execPath, [
      '-e',
      GET.replace("'127.0.0.1:' + port", "'tunnel.example'"),
      String(port),
      path,
    ])
    expect(run.stdout, run.stderr).toBe('303\n')
    expect(await statusOf()).toBe('failed')
    expect(daemon.exitCode).toBeNull()
  })

  test('with an unknown state is a 400, as for everybody', async () => {
    const { daemon } = await begin()
    expect((await bring(daemon, GET, '/callback/gw?code=c&state=unknown')).stdout).toBe('400\n')
  })
})
