/** Authorization servers behind a proxy: the same promises as without one, and failures that name the right place. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { beforeEach, describe, expect, test } from 'vitest'
import { ServerConnections } from '../../src/authorization-server/server-connections.js'
import { makeCertificates } from '../support/certificates.js'
import { ConnectProxy, type ProxyOptions } from '../support/connect-proxy.js'
import { cleanUp, failureOf, json, listen, startFakeServer } from './fake-server.js'

const HOST = 'id.example.test'
const URL_THERE = `https://${HOST}/token`
const get = { method: 'GET', headers: {} }
const post = { method: 'POST', headers: {}, body: 'code=code-1' }

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-proxy-'))
  cleanUp(() => rmSync(folder, { recursive: true }))
})

async function startProxy(options: ProxyOptions): Promise<ConnectProxy> {
  const proxy = new ConnectProxy(options)
  await proxy.listen()
  cleanUp(() => proxy.close())
  return proxy
}

function connections(env: NodeJS.ProcessEnv, deadlineMs?: number): ServerConnections {
  const made = new ServerConnections(deadlineMs, env)
  cleanUp(() => made.close())
  return made
}

/** A server of a private CA that only the proxy can find. */
async function startServer(names = `DNS:${HOST},IP:2001:db8::5`) {
  const { caFile, key, cert } = makeCertificates(folder, names)
  const server = await startFakeServer({ key, cert })
  server.routes.set('/token', json({ ok: 1 }))
  return { server, caFile, key, cert, port: Number(new URL(server.base).port) }
}

describe('through a proxy', () => {
  test('the request reaches the server, and the proxy sees host and port alone', async () => {
    const { server, caFile, port } = await startServer()
    const proxy = await startProxy({ port })
    const answered = await connections({ HTTPS_PROXY: proxy.url() }).exchange(URL_THERE, post, caFile)
    expect(answered).toMatchObject({ status: 200, body: '{"ok":1}' })
    expect(server.seen).toMatchObject([{ method: 'POST', url: '/token', body: 'code=code-1' }])
    expect(proxy.seen).toMatchObject([{ target: `${HOST}:443`, headers: { host: `${HOST}:443` } }])
    expect(server.seen[0]?.headers).not.toHaveProperty('proxy-authorization')
  })

  test('every exchange has a connection of its own, which ends with it', async () => {
    const { caFile, port } = await startServer()
    const proxy = await startProxy({ port })
    const made = connections({ https_proxy: proxy.url() })
    for (let count = 0; count < 3; count++) await made.exchange(URL_THERE, post, caFile)
    expect(proxy.seen).toHaveLength(3)
    await expect.poll(() => proxy.open.size).toBe(0)
  })

  test('user name and password go to the proxy, never to the server', async () => {
    const { server, caFile, port } = await startServer()
    const proxy = await startProxy({ port, credentials: 'me@corp:p:q' })
    const env = { HTTPS_PROXY: proxy.url('me%40corp:p%3Aq') }
    expect((await connections(env).exchange(URL_THERE, post, caFile)).status).toBe(200)
    expect(inspect(server.seen)).not.toContain('proxy-authorization')
  })

  test('an address is asked for in brackets', async () => {
    const { caFile, port } = await startServer()
    const proxy = await startProxy({ port })
    const made = connections({ HTTPS_PROXY: proxy.url() })
    expect((await made.exchange('https://[2001:db8::5]:8443/token', get, caFile)).status).toBe(200)
    expect(proxy.seen[0]?.target).toBe('[2001:db8::5]:8443')
  })

  test('a proxy that is spoken to over TLS is verified by its own name, too', async () => {
    const { caFile, port } = await startServer()
    const there = makeCertificates(mkdtempSync(join(folder, 'proxy-')), 'DNS:localhost')
    const proxy = await startProxy({ port, tls: there })
    const both = join(folder, 'both.pem')
    writeFileSync(both, `${readFileSync(caFile, 'utf8')}${there.ca}`)
    const byName = connections({ HTTPS_PROXY: `https://localhost:${proxy.port}` })
    expect((await byName.exchange(URL_THERE, post, both)).status).toBe(200)
    const unknown = await failureOf(byName.exchange(URL_THERE, post, caFile))
    expect(unknown).toMatchObject({ code: 'provider_unreachable' })
    expect(unknown.message).toMatch(/^The proxy localhost:\d+ cannot be reached: .*ca_file/)
    const byAddress = connections({ HTTPS_PROXY: proxy.url() })
    const other = await failureOf(byAddress.exchange(URL_THERE, post, both))
    expect(other.message).toMatch(/^The proxy 127.0.0.1:\d+ cannot be reached: .*another host name/)
    expect(proxy.seen, 'nothing was asked of it').toHaveLength(1)
  })

  test('loopback servers, and those of NO_PROXY, are reached directly', async () => {
    const { server, caFile } = await startServer('IP:127.0.0.1')
    const proxy = await startProxy({})
    const made = connections({ HTTPS_PROXY: proxy.url(), ALL_PROXY: proxy.url() })
    expect((await made.exchange(`${server.base}/token`, get, caFile)).status).toBe(200)
    const failure = await failureOf(
      connections({ HTTPS_PROXY: proxy.url(), NO_PROXY: '192.0.2.0/24' }, 300).exchange(
        'https://192.0.2.1/token',
        get,
        undefined,
      ),
    )
    expect(failure.message).not.toContain('proxy')
    expect(proxy.seen).toEqual([])
  })

  test('the certificate must be of the server that was asked for, not of where the proxy leads', async () => {
    const { server, caFile, port } = await startServer('DNS:localhost,IP:127.0.0.1')
    const proxy = await startProxy({ port })
    for (const url of [URL_THERE, 'https://192.0.2.1/token']) {
      const failure = await failureOf(connections({ HTTPS_PROXY: proxy.url() }).exchange(url, post, caFile))
      expect(failure.message).toMatch(/through the proxy .*another host name/)
    }
    expect(server.seen).toEqual([])
  })

  test('a CA that is not known is said with the fix and the proxy, which may have put itself in between', async () => {
    const { server, port } = await startServer()
    const proxy = await startProxy({ port })
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    cleanUp(() => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    })
    const failure = await failureOf(
      connections({ HTTPS_PROXY: proxy.url() }).exchange(URL_THERE, post, undefined),
    )
    expect(failure.message).toContain(`${HOST} cannot be reached through the proxy 127.0.0.1:${proxy.port}`)
    expect(failure.message).toContain('ca_file')
    expect(server.seen).toEqual([])
  })
})

describe('what is sent once', () => {
  const ESTABLISHED = 'HTTP/1.1 200 OK\r\n\r\n'

  test('a POST whose tunnel was cut after it was written is not repeated', async () => {
    const { server, caFile, port } = await startServer()
    const proxy = await startProxy({ port })
    server.routes.set('/token', () => {
      for (const socket of proxy.open) socket.resetAndDestroy()
    })
    const failure = await failureOf(
      connections({ HTTPS_PROXY: proxy.url() }).exchange(URL_THERE, post, caFile),
    )
    expect(failure.message).toContain(`${HOST} cannot be reached through the proxy`)
    expect(server.seen).toHaveLength(1)
    expect(proxy.seen).toHaveLength(1)
  })

  test('a POST of which nothing was written is repeated once', async () => {
    const cuts = [
      ['before the tunnel', (socket: { destroy: () => void }) => socket.destroy()],
      [
        'in the handshake with the server',
        (socket: import('node:net').Socket) => {
          socket.write(ESTABLISHED)
          socket.once('data', () => socket.destroy())
        },
      ],
    ] as const
    for (const [where, answer] of cuts) {
      const proxy = await startProxy({ answer })
      const made = connections({ HTTPS_PROXY: proxy.url() })
      const failure = await failureOf(made.exchange(URL_THERE, post, undefined))
      expect(failure.code, where).toBe('provider_unreachable')
      expect(failure.message, where).toContain(
        where === 'before the tunnel' ? 'The proxy 127.0.0.1' : `${HOST} cannot be reached through the proxy`,
      )
      expect(proxy.seen, where).toHaveLength(2)
    }
  })

  test('the deadline spans proxy and server, and leaves no connection behind', async () => {
    const silences = [
      ['CONNECT', () => {}, `did not open a tunnel to ${HOST}`],
      [
        'TLS',
        (socket: import('node:net').Socket) => void socket.write(ESTABLISHED),
        `${HOST} did not answer`,
      ],
    ] as const
    for (const [where, answer, text] of silences) {
      const proxy = await startProxy({ answer })
      const failure = await failureOf(
        connections({ HTTPS_PROXY: proxy.url() }, 3_000).exchange(URL_THERE, post, undefined),
      )
      expect(failure.code, where).toBe('provider_unreachable')
      expect(failure.message, where).toContain(text)
      expect(failure.message, where).toContain(`127.0.0.1:${proxy.port}`)
      await expect.poll(() => proxy.open.size, { message: where }).toBe(0)
    }
  })

  test('closing ends a tunnel under way', async () => {
    const proxy = await startProxy({ answer: (socket) => void socket.write(ESTABLISHED) })
    const made = connections({ HTTPS_PROXY: proxy.url() })
    const failing = failureOf(made.exchange(URL_THERE, post, undefined))
    await expect.poll(() => proxy.seen.length).toBe(1)
    made.close()
    expect((await failing).code).toBe('provider_unreachable')
    await expect.poll(() => proxy.open.size).toBe(0)
    expect(proxy.seen, 'nothing is begun again').toHaveLength(1)
  })
})

describe('a proxy that does not do it', () => {
  const says = (text: string) => (socket: { end: (text: string) => void }) => socket.end(text)
  const status = (line: string, headers = '') =>
    says(`HTTP/1.1 ${line}\r\n${headers}content-length: 0\r\n\r\n`)
  const keeps = (text: string) => (socket: { write: (text: string) => unknown }) => void socket.write(text)
  const negotiate = 'proxy-authenticate: Negotiate\r\n'

  test.each([
    ['refuses', '', status('403 Forbidden'), /status 403.*allow CONNECT.*NO_PROXY/],
    [
      'wants to know who asks',
      '',
      status('407 Who'),
      /status 407.*HTTPS_PROXY to http:\/\/USER:PASSWORD@HOST:PORT/,
    ],
    ['does not know who asks', 'me:canary', status('407 Who'), /status 407.*did not accept.*HTTPS_PROXY/],
    [
      'knows another user name',
      'ada:canary',
      status('407 Who', 'proxy-authenticate: NTLM\r\nproxy-authenticate: Basic realm="x"\r\n'),
      /status 407.*user name ada and password.*offers NTLM.*DOMAIN%5CUSER/,
    ],
    [
      'knows the domain',
      'corp%5Cada:canary',
      status('407 Who', 'proxy-authenticate: Negotiate\r\nproxy-authenticate: Basic realm="x"\r\n'),
      /user name corp\\ada and password in HTTPS_PROXY\. Special characters in them must be percent-encoded\.$/,
    ],
    [
      'takes NTLM alone',
      'ada:canary',
      status('407 Who', 'proxy-authenticate: NTLM\r\nproxy-authenticate: Negotiate\r\n'),
      /another authentication than Basic \(NTLM and Negotiate\).*logs in as ada/,
    ],
    [
      'has a token for a user name',
      'canary-token',
      status('407 Who', 'proxy-authenticate: NTLM\r\nproxy-authenticate: Basic realm="x"\r\n'),
      /did not accept the user name and password in HTTPS_PROXY/,
    ],
    [
      'wants Kerberos',
      'me:canary',
      status('407 Who', negotiate),
      /status 407.*another authentication than Basic/,
    ],
    ['cannot reach it', '', status('502 Bad Gateway'), /status 502.*cannot reach that server, or must not/],
    ['sends elsewhere', '', status('302 Found', 'location: https://evil.example\r\n'), /status 302/],
    ['is no proxy', 'me:canary', says('SSH-2.0-OpenSSH_9.2\r\n'), /is not HTTP.*Correct HTTPS_PROXY/],
    ['switches protocols', '', says('HTTP/1.1 101 Odd\r\nUpgrade: x\r\n\r\n'), /status 101/],
    ['wants to know who asks, without end', '', keeps('HTTP/1.1 407 Who\r\n\r\n'), /status 407/],
    ['only promises an answer', '', says('HTTP/1.1 103 Hints\r\n\r\n'), /refused a tunnel.*status 103/],
    ['talks into the tunnel', '', says('HTTP/1.1 200 OK\r\n\r\n220 hello'), /not TLS.*HTTPS_PROXY/],
  ])('%s', async (_, userinfo, answer, text) => {
    const proxy = await startProxy({ answer })
    const env = { HTTPS_PROXY: proxy.url(userinfo) }
    const failure = await failureOf(connections(env).exchange(URL_THERE, post, undefined))
    expect(failure.code).toBe('provider_unreachable')
    expect(failure.message).toMatch(text)
    expect(failure.message).toContain(`127.0.0.1:${proxy.port}`)
    expect(inspect(failure, { depth: 9 })).not.toMatch(/canary|Y2FuYXJ5|Basic bW/)
    expect(proxy.seen).toHaveLength(1)
  })

  test('is not there', async () => {
    const closed = createTcpServer()
    const port = await listen(closed)
    closed.close()
    const env = { HTTPS_PROXY: `me:canary@127.0.0.1:${port}` }
    const failure = await failureOf(connections(env).exchange(URL_THERE, post, undefined))
    expect(failure.code).toBe('provider_unreachable')
    expect(failure.message).toContain(`The proxy 127.0.0.1:${port} cannot be reached: nothing listens there`)
    expect(failure.message).toContain('HTTPS_PROXY')
    expect(inspect(failure, { depth: 9 })).not.toContain('canary')
  })

  test('speaks no TLS although the variable says so', async () => {
    const proxy = await startProxy({})
    const env = { HTTPS_PROXY: proxy.url().replace('http:', 'https:') }
    const failure = await failureOf(connections(env).exchange(URL_THERE, post, undefined))
    expect(failure.message).toMatch(
      /^The proxy .* cannot be reached: (it does not use TLS|the TLS handshake failed)/,
    )
  })
})
