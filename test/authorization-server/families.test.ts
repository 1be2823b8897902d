/** IPv4 and IPv6: servers of one family, names of both with one of them dead, addresses in the place of a name. */
import dns, { type LookupAddress } from 'node:dns'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ServerConnections } from '../../src/authorization-server/server-connections.js'
import { makeCertificates } from '../support/certificates.js'
import { ConnectProxy } from '../support/connect-proxy.js'
import { cleanUp, failureOf } from './fake-server.js'

const get = { method: 'GET', headers: {} }
const V4: LookupAddress = { address: '127.0.0.1', family: 4 }
const V6: LookupAddress = { address: '::1', family: 6 }

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-families-'))
  cleanUp(() => rmSync(folder, { recursive: true }))
})

afterEach(() => vi.restoreAllMocks())

/** The names of the test; the system's own `localhost` need not have both families. */
function resolve(names: Readonly<Record<string, readonly LookupAddress[]>>): void {
  vi.spyOn(dns, 'lookup').mockImplementation(((
    name: string,
    options: { all?: boolean },
    callback: (error: Error | null, found: unknown, family?: number) => void,
  ) => {
    const found = names[name] ?? []
    if (found.length === 0) callback(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), undefined)
    else if (options.all) callback(null, found)
    else callback(null, found[0]?.address, found[0]?.family)
  }) as unknown as typeof dns.lookup)
}

/** A TLS server on one address alone. */
async function serverAt(address: string) {
  const { caFile, key, cert } = makeCertificates(folder, 'DNS:id.example.test,DNS:localhost,IP:::1')
  const server = createServer({ key, cert }, (_request, response) => response.end('{}'))
  await new Promise<void>((done) => server.listen(0, address, done))
  cleanUp(() => {
    server.close()
    server.closeAllConnections()
  })
  return { caFile, port: (server.address() as AddressInfo).port }
}

function connections(env: NodeJS.ProcessEnv = {}, deadlineMs?: number): ServerConnections {
  const made = new ServerConnections(deadlineMs, env)
  cleanUp(() => made.close())
  return made
}

describe('a name', () => {
  test.each([
    ['IPv6 alone', '::1', [V6]],
    ['both, IPv4 dead and first', '::1', [V4, V6]],
    ['both, IPv6 dead and first', '127.0.0.1', [V6, V4]],
  ])('of %s', async (_, address, found) => {
    const { caFile, port } = await serverAt(address)
    resolve({ 'id.example.test': found, localhost: found })
    for (const name of ['id.example.test', 'localhost']) {
      const answered = await connections().exchange(`https://${name}:${port}/token`, get, caFile)
      expect(answered, name).toMatchObject({ status: 200, body: '{}' })
    }
  })

  test('of both with nothing at either is said as that', async () => {
    const { port, caFile } = await serverAt('127.0.0.2')
    resolve({ 'id.example.test': [V6, V4] })
    const failure = await failureOf(
      connections().exchange(`https://id.example.test:${port}/token`, get, caFile),
    )
    expect(failure).toMatchObject({ code: 'provider_unreachable' })
    expect(failure.message).toContain('nothing listens there')
  })

  test('of a proxy of both families', async () => {
    const { caFile, port } = await serverAt('127.0.0.1')
    const proxy = new ConnectProxy({ port })
    await proxy.listen()
    cleanUp(() => proxy.close())
    resolve({ 'proxy.corp': [V6, V4] })
    const made = connections({ HTTPS_PROXY: `proxy.corp:${proxy.port}` })
    expect((await made.exchange('https://id.example.test/token', get, caFile)).status).toBe(200)
  })
})

test('an IPv6 address in the place of a name, over TLS and plainly', async () => {
  const { caFile, port } = await serverAt('::1')
  expect((await connections().exchange(`https://[::1]:${port}/token`, get, caFile)).status).toBe(200)
  const failure = await failureOf(connections().exchange('https://[::1]:1/token', get, undefined))
  expect(failure.message).toContain('[::1]:1 cannot be reached: nothing listens there')
})
