/** A proxy that others wrote, asked for tunnels as companies run it: with a password, and for chosen ports alone. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ServerConnections } from '../../src/authorization-server/server-connections.js'
import { makeCertificates } from '../support/certificates.js'
import { ConnectProxy } from '../support/connect-proxy.js'
import { freePort } from '../support/free-port.js'
import { needs } from '../support/needs.js'
import { cleanUp, failureOf, json, startFakeServer } from './fake-server.js'

const post = { method: 'POST', headers: {}, body: 'code=code-1' }

/** @param upstream - Port of a proxy that knows where the names of the test lead. */
async function startTinyproxy(folder: string, upstream: number): Promise<number> {
  const port = await freePort()
  const file = join(folder, 'tinyproxy.conf')
  writeFileSync(
    file,
    [
      ...[`Port ${port}`, 'Listen 127.0.0.1', 'Allow 127.0.0.1', 'Timeout 20', 'MaxClients 10'],
      ...['BasicAuth me secret', 'ConnectPort 443', `Upstream http 127.0.0.1:${upstream}`],
    ].join('\n'),
  )
  const child = spawn('tinyproxy', ['-d', '-c', file], { stdio: 'ignore' })
  cleanUp(() => void child.kill('SIGKILL'))
  await expect.poll(() => isListening(port)).toBe(true)
  return port
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

describe.skipIf(needs('tinyproxy') !== undefined)('tinyproxy', () => {
  test('opens a tunnel, wants its password, and refuses other ports', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'catchd-tinyproxy-'))
    cleanUp(() => rmSync(folder, { recursive: true }))
    const { caFile, key, cert } = makeCertificates(folder, 'DNS:id.example.test')
    const server = await startFakeServer({ key, cert })
    server.routes.set('/token', json({ ok: 1 }))
    const behind = new ConnectProxy({ port: Number(new URL(server.base).port) })
    await behind.listen()
    cleanUp(() => behind.close())
    const port = await startTinyproxy(folder, behind.port)
    const ask = (userinfo: string, url = 'https://id.example.test/token') => {
      const made = new ServerConnections(undefined, { HTTPS_PROXY: `http://${userinfo}127.0.0.1:${port}` })
      cleanUp(() => made.close())
      return made.exchange(url, post, caFile)
    }
    expect(await ask('me:secret@')).toMatchObject({ status: 200, body: '{"ok":1}' })
    expect(server.seen).toHaveLength(1)
    expect((await failureOf(ask(''))).message).toMatch(/status 407.*user name and password/)
    expect((await failureOf(ask('me:wrong@'))).message).toMatch(/did not accept|status 40[137]/)
    const elsewhere = await failureOf(ask('me:secret@', 'https://id.example.test:8443/token'))
    expect(elsewhere.message).toMatch(/status 403.*allow CONNECT/)
    expect(server.seen).toHaveLength(1)
  })
})
