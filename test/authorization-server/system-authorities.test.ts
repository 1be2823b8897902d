/** A company's CA in the system's store is believed without a word of configuration; nothing else is. */
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { beforeEach, describe, expect, test } from 'vitest'
import { CertificateAuthorities } from '../../src/authorization-server/certificate-authorities.js'
import { ServerConnections } from '../../src/authorization-server/server-connections.js'
import { SystemAuthorities } from '../../src/authorization-server/system-authorities.js'
import { makeCertificates } from '../support/certificates.js'
import { cleanUp, failureOf, json, startFakeServer } from './fake-server.js'

const get = { method: 'GET', headers: {} }
let folder = ''
let bundle = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-system-'))
  bundle = join(folder, 'bundle.crt')
  cleanUp(() => rmSync(folder, { recursive: true }))
})

function connections(env: NodeJS.ProcessEnv): ServerConnections {
  const made = new ServerConnections(undefined, env)
  cleanUp(() => made.close())
  return made
}

async function privateServer() {
  const made = makeCertificates(folder)
  const server = await startFakeServer(made)
  server.routes.set('/token', json({ ok: 1 }))
  return { ...made, url: `${server.base}/token` }
}

describe('a server of a private CA', () => {
  test('is believed once its CA stands in the bundle, without a restart', async () => {
    const { ca, url } = await privateServer()
    writeFileSync(bundle, '# no CA yet\n')
    const made = connections({ SSL_CERT_FILE: bundle })
    const failure = await failureOf(made.exchange(url, get, undefined))
    expect(failure.code).toBe('provider_unreachable')
    expect(failure.message).toContain('ca_file')
    writeFileSync(bundle, `# Company CA\n${tls.rootCertificates[0]}\n${ca}`)
    expect(await made.exchange(url, get, undefined)).toMatchObject({ status: 200, body: '{"ok":1}' })
    unlinkSync(bundle)
    expect((await failureOf(made.exchange(url, get, undefined))).code).toBe('provider_unreachable')
  })

  test('is believed beside a ca_file that names another', async () => {
    const { ca, url } = await privateServer()
    writeFileSync(bundle, ca)
    const other = mkdtempSync(join(folder, 'other-'))
    const { caFile } = makeCertificates(other)
    expect((await connections({ SSL_CERT_FILE: bundle }).exchange(url, get, caFile)).status).toBe(200)
    expect((await failureOf(connections({}).exchange(url, get, caFile))).code).toBe('provider_unreachable')
  })

  test('is not believed for another name', async () => {
    const { ca, key, cert } = makeCertificates(folder, 'DNS:other.example')
    writeFileSync(bundle, ca)
    const server = await startFakeServer({ key, cert })
    const failure = await failureOf(
      connections({ SSL_CERT_FILE: bundle }).exchange(`${server.base}/token`, get, undefined),
    )
    expect(failure.message).toContain('another host name')
    expect(server.seen).toEqual([])
  })

  test('is not believed because NODE_TLS_REJECT_UNAUTHORIZED=0 is set', async () => {
    const { url } = await privateServer()
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    cleanUp(() => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    })
    expect((await failureOf(connections({}).exchange(url, get, undefined))).code).toBe('provider_unreachable')
  })
})

describe('the bundle', () => {
  test('gives what Node does not know already, however its lines are broken', async () => {
    const { ca } = makeCertificates(folder)
    const known = tls.rootCertificates[0] ?? ''
    writeFileSync(bundle, `${known.replaceAll('\n', '\r\n')}\n${ca}\nrubbish\n`)
    const [only, ...rest] = await new SystemAuthorities({ SSL_CERT_FILE: bundle }).certificates()
    expect(only?.trim()).toBe(ca.trim())
    expect(rest).toEqual([])
  })

  test('is the first of the well-known ones that there is, and none is no failure', async () => {
    const { ca } = makeCertificates(folder)
    writeFileSync(bundle, ca)
    const system = new SystemAuthorities({}, [join(folder, 'none.pem'), folder, bundle])
    expect(await system.certificates()).toHaveLength(1)
    // Newer versions of Node may still have a store to ask.
    await expect(new SystemAuthorities({}, [join(folder, 'none.pem')]).certificates()).resolves.toBeDefined()
  })

  test('is read once, and one agent serves all exchanges until it changes', async () => {
    const { ca } = makeCertificates(folder)
    writeFileSync(bundle, ca)
    const authorities = new CertificateAuthorities({ SSL_CERT_FILE: bundle })
    const agent = await authorities.agentFor(undefined)
    expect(await authorities.agentFor(undefined)).toBe(agent)
    writeFileSync(bundle, `${ca}\n`)
    expect(await authorities.agentFor(undefined)).not.toBe(agent)
  })
})
