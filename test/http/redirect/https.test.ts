/** https redirect URIs: served by the same listener with the same guards, and by nothing older than TLS 1.2. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CertificateFiles } from '../../../src/login/ports.js'
import { type Certificates, makeCertificates } from '../../support/certificates.js'
import { freePort } from '../../support/free-port.js'
import { CODE, GENUINE, openRedirects } from './opened-listener.js'
import { ask, exchange, rawRequest, readAnswer } from './raw-http.js'

let folder: string
let good: Certificates

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-https-'))
  good = made('good')
})

afterAll(() => rmSync(folder, { recursive: true }))

function made(name: string, names?: string): Certificates {
  mkdirSync(join(folder, name))
  return makeCertificates(join(folder, name), names)
}

function filesOf({ certFile, keyFile }: Certificates): CertificateFiles {
  return { certificateFile: certFile, privateKeyFile: keyFile }
}

async function open({ mostConnections = 100 } = {}) {
  const redirects = await openRedirects({ mostConnections })
  /** A pending login on an https redirect URI. */
  const begin = async (redirectUri: string, certificates = good, listen: string | null = null) => {
    const lease = await redirects.listeners.acquire(redirectUri, listen, filesOf(certificates))
    const login = await redirects.pend({
      redirect_uri: lease.redirectUri,
      ...(listen === null ? {} : { listen }),
      redirect_certificate_file: certificates.certFile,
      redirect_private_key_file: certificates.keyFile,
    })
    const { host: authority, port } = new URL(lease.redirectUri)
    return {
      ...lease,
      authority,
      port: Number(port),
      resultPath: `/catchd/${login.id}`,
      id: login.id,
      isPending: () => redirects.isPending(login),
    }
  }
  return { ...redirects, begin }
}

/** A finished handshake that trusts the CA of `certificates` alone. */
function secure(port: number, options: ConnectionOptions = {}, certificates = good): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { port, host: '127.0.0.1', servername: 'localhost', ca: certificates.ca, ...options },
      () => resolve(socket),
    )
    socket.on('error', reject)
  })
}

/** Sends bytes over TLS and reads until the server closes. */
async function askSecurely(port: number, bytes: string, options: ConnectionOptions = {}) {
  return converse(await secure(port, options), bytes)
}

async function converse(socket: TLSSocket, bytes: string) {
  let text = ''
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    text += chunk
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(bytes)
  await closed
  return readAnswer(text)
}

async function presentedAt(port: number, options: ConnectionOptions, certificates = good) {
  const socket = await secure(port, options, certificates)
  const certificate: PeerCertificate = socket.getPeerCertificate()
  socket.destroy()
  return certificate.subjectaltname
}

describe('an https redirect URI', () => {
  test.each([
    ['https://127.0.0.1:0/callback/gw', ['127.0.0.1']],
    ['https://[::1]:0/callback/gw', ['::1']],
    ['https://localhost:0/callback/gw', ['127.0.0.1', '::1']],
  ])('%s answers over TLS on every address that it binds', async (uri, hosts) => {
    for (const host of hosts) {
      const { tokenRequests, listeners, begin } = await open()
      const { authority, port, resultPath } = await begin(uri)
      expect(listeners.addresses()).toHaveLength(hosts.length)
      expect(listeners.addresses().every((address) => address.startsWith('https://'))).toBe(true)
      const target = `/callback/gw?${GENUINE}`
      const answer = await askSecurely(port, rawRequest({ target, host: authority }), { host })
      expect(answer.status).toBe(303)
      expect(answer.headers.get('location')).toBe(resultPath)
      expect(answer.headers.has('strict-transport-security')).toBe(false)
      expect(tokenRequests()).toBe(1)
      const page = rawRequest({ target: resultPath, host: authority })
      expect((await askSecurely(port, page, { host })).status).toBe(200)
      await listeners.close(0)
    }
  })

  test('a name that listen leads to is served with its own certificate', async () => {
    const app = made('hosts-file', 'DNS:app.example.test')
    const { tokenRequests, begin } = await open()
    const port = await freePort()
    await begin(`https://app.example.test:${port}/cb`, app, `127.0.0.1:${port}`)
    const request = rawRequest({ target: `/cb?${GENUINE}`, host: `app.example.test:${port}` })
    const answer = await askSecurely(port, request, { servername: 'app.example.test', ca: app.ca })
    expect([answer.status, tokenRequests()]).toEqual([303, 1])
  })

  test('listen without a certificate is plain http: the tunnel has ended TLS', async () => {
    const { pend } = await open()
    const port = await freePort()
    await pend({ redirect_uri: 'https://tunnel.example/cb', listen: `127.0.0.1:${port}` })
    const answer = await ask(port, rawRequest({ target: `/cb?${GENUINE}`, host: 'tunnel.example' }))
    expect(answer.status).toBe(303)
  })

  test('two names share one address, each with its certificate', async () => {
    const app = made('sharing', 'DNS:app.example.test')
    const { listeners, begin } = await open()
    const { port } = await begin('https://127.0.0.1:0/callback/gw')
    await listeners.acquire(`https://app.example.test:${port}/cb`, `127.0.0.1:${port}`, filesOf(app))
    expect(listeners.addresses()).toEqual([`https://127.0.0.1:${port}`])
    expect(await presentedAt(port, { servername: 'app.example.test' }, app)).toBe('DNS:app.example.test')
    expect(await presentedAt(port, { servername: '' })).toContain('IP Address:127.0.0.1')
  })

  test.each(['localhost', '127.0.0.1'])(
    'a certificate renewed on the disk is presented from the next login on: %s',
    async (host) => {
      const { listeners, begin } = await open()
      const mutable = made(`renewed-${host}`)
      const { redirectUri, port } = await begin(`https://${host}:0/callback/gw`, mutable)
      const renewed = made(`renewal-${host}`)
      copyFileSync(renewed.certFile, mutable.certFile)
      copyFileSync(renewed.keyFile, mutable.keyFile)
      const servername = host === 'localhost' ? host : ''
      await presentedAt(port, { servername, host: '127.0.0.1' }, mutable)
      await listeners.acquire(redirectUri, null, filesOf(mutable))
      await presentedAt(port, { servername, host: '127.0.0.1' }, renewed)
      await expect(presentedAt(port, { servername }, mutable)).rejects.toThrow()
    },
  )
})

describe('the guards are those of http', () => {
  test.each<[string, Partial<Parameters<typeof rawRequest>[0]>, number]>([
    ['a rebound Host', { host: 'evil.example' }, 403],
    ['no Host', { host: null }, 400],
    ['an image', { headers: ['Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image'] }, 403],
    ['a prefetch', { headers: ['Sec-Purpose: prefetch'] }, 403],
    ['HEAD', { method: 'HEAD' }, 405],
    ['another path', { target: '/callback/%67w?x' }, 404],
    ['long headers', { headers: [`X-Long: ${'x'.repeat(66_000)}`] }, 431],
  ])('%s is refused and changes nothing', async (_name, request, status) => {
    const { tokenRequests, begin } = await open()
    const { authority, port, isPending } = await begin('https://localhost:0/callback/gw')
    const bytes = rawRequest({ target: `/callback/gw?${GENUINE}`, host: authority, ...request })
    const answer = await askSecurely(port, bytes)
    expect(answer.status).toBe(status)
    expect(answer.text).not.toContain(CODE)
    expect([tokenRequests(), isPending()]).toEqual([0, true])
  })

  test('the Host of another port is refused', async () => {
    const { configure, begin } = await open()
    const { port } = await begin('https://localhost:0/callback/gw')
    configure('https://localhost:1/callback/gw')
    const target = `/callback/gw?${GENUINE}`
    expect((await askSecurely(port, rawRequest({ target, host: 'localhost:1' }))).status).toBe(403)
  })

  test('a connection counts once, its handshake and what came of it together', async () => {
    const { begin } = await open({ mostConnections: 3 })
    const { authority, port, resultPath } = await begin('https://127.0.0.1:0/callback/gw')
    const older = [await secure(port), await secure(port)]
    const page = rawRequest({ target: resultPath, host: authority })
    expect((await askSecurely(port, page)).status).toBe(200)
    for (const socket of older) expect((await converse(socket, page)).status).toBe(200)
  })

  test('the oldest unfinished connection gives way, in a handshake or after it', async () => {
    const { begin } = await open({ mostConnections: 3 })
    const { authority, port, resultPath } = await begin('https://127.0.0.1:0/callback/gw')
    const silent = connectPlain(port, '127.0.0.1')
    silent.on('error', () => {})
    await new Promise((resolve) => silent.once('connect', resolve))
    const idle = [await secure(port), await secure(port)]
    for (const socket of idle) socket.on('error', () => {})
    const silentEnds = new Promise((resolve) => silent.once('close', resolve))
    const idleEnds = new Promise((resolve) => idle[0]?.once('close', resolve))
    const page = rawRequest({ target: resultPath, host: authority })
    expect((await askSecurely(port, page)).status).toBe(200)
    await silentEnds
    const [one, two] = [await secure(port), await secure(port)]
    expect((await askSecurely(port, page)).status).toBe(200)
    await idleEnds
    for (const socket of [...idle, one, two]) socket.destroy()
  })
})

describe('what does not speak TLS 1.2 or later', () => {
  test('a plain http request is closed without an answer, and the login goes on pending', async () => {
    const { tokenRequests, begin, logins, missed } = await open()
    const { authority, port, isPending, id } = await begin('https://127.0.0.1:0/callback/gw')
    const bytes = rawRequest({ target: `/callback/gw?${GENUINE}`, host: authority })
    expect(await exchange(port, bytes)).not.toContain('HTTP/1.1')
    expect([tokenRequests(), isPending()]).toEqual([0, true])
    expect(logins.hint(id)).toMatch(/^The browser used http on port \d+, but .* https\..*--paste$/)
    expect(missed).toEqual([
      { event: 'redirect.missed', why: 'plain_http', address: `https://127.0.0.1:${port}` },
    ])
    const again = await askSecurely(port, bytes)
    expect(again.status).toBe(303)
  })

  test('TLS 1.1 is refused, TLS 1.2 is not', async () => {
    const { begin } = await open()
    const { port } = await begin('https://127.0.0.1:0/callback/gw')
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const
    await expect(secure(port, old)).rejects.toThrow(/protocol version/)
    const socket = await secure(port, { maxVersion: 'TLSv1.2' })
    expect(socket.getProtocol()).toBe('TLSv1.2')
    socket.destroy()
  })
})

test('whoever does not finish a handshake, or a request after it, is let go within seconds', async () => {
  const { begin } = await open()
  const { port } = await begin('https://127.0.0.1:0/callback/gw')
  const silent = connectPlain(port, '127.0.0.1').on('error', () => {})
  const silentEnds = new Promise((resolve) => silent.once('close', resolve))
  const answer = await converse(await secure(port), 'GET /callback/gw?code=')
  expect(answer.status).toBe(408)
  silent.resume()
  await silentEnds
}, 15_000)

describe('http and https on one port', () => {
  test('the default port is for http', async () => {
    const { listeners } = await open()
    const port = await freePort()
    await listeners.openDefault(port)
    await expect(
      listeners.acquire(`https://localhost:${port}/cb`, null, filesOf(good)),
    ).rejects.toMatchObject({
      code: 'redirect_port_in_use',
      detail: expect.stringContaining('Use another port for the https redirect URI'),
    })
    expect(listeners.addresses()).toEqual([`http://127.0.0.1:${port}`])
  })

  test.each([
    ['https', 'http'],
    ['http', 'https'],
  ])('%s after %s is refused while a login needs it', async (wanted, taken) => {
    const { listeners } = await open()
    const acquire = (scheme: string, port: number) =>
      listeners.acquire(`${scheme}://127.0.0.1:${port}/cb`, null, scheme === 'https' ? filesOf(good) : null)
    const lease = await acquire(taken, await freePort())
    const port = Number(new URL(lease.redirectUri).port)
    await expect(acquire(wanted, port)).rejects.toMatchObject({
      code: 'redirect_port_in_use',
      detail: expect.stringContaining(`serves ${taken} redirect URIs`),
    })
    expect(listeners.addresses()).toEqual([`${taken}://127.0.0.1:${port}`])
    lease.release(true)
    // It lingers for its result page, and gives way to a login.
    await acquire(wanted, port)
    expect(listeners.addresses()).toEqual([`${wanted}://127.0.0.1:${port}`])
  })

  test('two logins that need it at once share it', async () => {
    const { listeners } = await open()
    const redirectUri = `https://localhost:${await freePort()}/cb`
    const leases = await Promise.all([1, 2, 3].map(() => listeners.acquire(redirectUri, null, filesOf(good))))
    expect(leases.map((lease) => lease.redirectUri)).toEqual([redirectUri, redirectUri, redirectUri])
    expect(listeners.addresses()).toHaveLength(2)
  })

  test('an earlier login on the http redirect URI does not take the response of the https one', async () => {
    const { configure, tokenRequests, listeners, begin } = await open()
    const port = await freePort()
    configure(`http://127.0.0.1:${port}/callback/gw`)
    const { authority } = await begin(`https://127.0.0.1:${port}/callback/gw`)
    const target = `/callback/gw?${GENUINE}`
    expect((await askSecurely(port, rawRequest({ target, host: authority }))).status).toBe(303)
    expect(tokenRequests()).toBe(1)
    expect(listeners.addresses()).toHaveLength(1)
  })

  test('a profile that was switched from http to https on the same port and path logs in again', async () => {
    const { pend, begin, tokenRequests } = await open()
    const port = await freePort()
    const target = `/callback/gw?${GENUINE}`
    const redirectUri = `http://127.0.0.1:${port}/callback/gw`
    const { id } = await pend({ redirect_uri: redirectUri }, 'state-of-the-http-login')
    const first = rawRequest({
      target: '/callback/gw?code=c&state=state-of-the-http-login',
      host: `127.0.0.1:${port}`,
    })
    expect((await ask(port, first)).headers.get('location')).toBe(`/catchd/${id}`)
    const { authority, resultPath } = await begin(`https://127.0.0.1:${port}/callback/gw`)
    const answer = await askSecurely(port, rawRequest({ target, host: authority }))
    expect([answer.status, answer.headers.get('location')]).toEqual([303, resultPath])
    expect(tokenRequests()).toBe(2)
  })
})
