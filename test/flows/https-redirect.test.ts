/**
 * Whole logins of the built program on https redirect URIs: with a certificate that the profile names, with catchd's
 * own, through `listen`, across a restart; and what is refused before an authorization URL exists.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterEach, describe, expect, test } from 'vitest'
import { withoutChromium } from '../support/browser.js'
import { type CertificateOptions, type Certificates, makeCertificates } from '../support/certificates.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { redirectTarget } from '../support/http-client.js'
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js'
import type { Environment } from '../support/program.js'

const cleanUps: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

function made(names?: string, options?: CertificateOptions): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-tls-'))
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  return makeCertificates(folder, names, options)
}

interface System {
  readonly server: OidcProvider
  readonly daemon: Daemon
  readonly redirectUri: string
}

/** A server whose web client is registered for the https redirect URI alone, and a profile `corp` at it. */
async function start({
  redirectUri,
  certificates,
  profile = {},
  profiles = {},
  env = {},
}: {
  readonly redirectUri: string
  readonly certificates?: Pick<Certificates, 'certFile' | 'keyFile'>
  readonly profile?: object
  readonly profiles?: Readonly<Record<string, object>>
  readonly env?: Environment
}): Promise<System> {
  const server = await startOidcProvider({
    redirectUris: [redirectUri],
    tokenEndpointAuthMethod: 'client_secret_basic',
    registration: { application_type: 'web' },
  })
  cleanUps.push(() => server.close())
  const daemon = await startDaemon({
    env: { CORP_SECRET: server.clientSecret ?? '', ...env },
    config: {
      profiles: {
        corp: {
          issuer: server.issuer,
          client_id: server.clientId,
          client_secret: { env: 'CORP_SECRET' },
          scope: 'openid email',
          redirect_uri: redirectUri,
          ...(certificates === undefined
            ? {}
            : {
                redirect_certificate_file: certificates.certFile,
                redirect_private_key_file: certificates.keyFile,
              }),
          ...profile,
        },
        ...profiles,
      },
    },
  })
  cleanUps.push(() => daemon.stop())
  return { server, daemon, redirectUri }
}

/** @returns The login's id, and the authorization response that the server sends the browser to us with. */
async function approved({ daemon, server }: System) {
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'corp', open: false } })
  expect(begun.status, begun.text).toBe(201)
  const response = await server.approveByRedirect(String(begun.json['authorization_url']))
  return { id: String(begun.json['login_id']), response }
}

/**
 * Brings the response to an address of the listener and follows it to its page.
 *
 * @param address - Where to connect; the Host header and the server name stay those of the redirect URI.
 */
async function deliver({ daemon, redirectUri }: System, response: string, ca: string, address: string) {
  const { host } = new URL(redirectUri)
  const at = (url: string) => {
    const there = new URL(url)
    there.host = address
    return daemon.follow(there.href, { ca, headers: { host } })
  }
  const answer = await at(response)
  const page = redirectTarget(answer, redirectUri)
  return { answer, page: page === undefined ? undefined : await at(page) }
}

async function expectLoggedIn({ daemon, server }: System, id: string) {
  const login = await daemon.api('GET', `/v1/logins/${id}?wait=10`)
  expect(login.json).toMatchObject({ status: 'succeeded', error: null })
  const token = await daemon.api('GET', '/v1/tokens/corp', { headers: { accept: 'text/plain' } })
  expect(await server.findToken(token.text)).toMatchObject({ clientId: 'catchd' })
  expect(server.counts.codesRedeemed).toBe(1)
}

describe('a certificate that the profile names', () => {
  test.each([
    ['localhost', '127.0.0.1'],
    ['localhost', '[::1]'],
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '[::1]'],
  ])('a login on https://%s ends with a token when the browser comes to %s', async (host, address) => {
    const port = await freePort()
    const certificates = made()
    const system = await start({ redirectUri: `https://${host}:${port}/callback/corp`, certificates })
    const { id, response } = await approved(system)
    const status = await system.daemon.api('GET', '/v1/status')
    expect(status.json['listeners']).toMatchObject({
      redirect: expect.arrayContaining([`https://${address}:${port}`]),
    })
    expect(response).toMatch(
      new RegExp(`^https://${host.replaceAll(/[[\]]/g, '\\$&')}:${port}/callback/corp\\?`),
    )
    const { answer, page } = await deliver(system, response, certificates.ca, `${address}:${port}`)
    expect(answer.status).toBe(303)
    expect(page?.status).toBe(200)
    expect(page?.body).toContain('Logged in')
    const code = new URL(response).searchParams.get('code') ?? 'no code'
    expect(`${JSON.stringify(answer.headers)}${page?.body}${system.daemon.output}`).not.toContain(code)
    await expectLoggedIn(system, id)
  })

  test('paths in the configuration are relative to it', async () => {
    const port = await freePort()
    const certificates = made()
    const system = await start({
      redirectUri: `https://localhost:${port}/cb`,
      certificates: { certFile: 'tls/cert.pem', keyFile: 'tls/key.pem' },
    })
    mkdirSync(join(system.daemon.home, 'tls'))
    copyFileSync(certificates.certFile, join(system.daemon.home, 'tls/cert.pem'))
    copyFileSync(certificates.keyFile, join(system.daemon.home, 'tls/key.pem'))
    const { id, response } = await approved(system)
    await deliver(system, response, certificates.ca, `127.0.0.1:${port}`)
    await expectLoggedIn(system, id)
  })

  test('listen serves a hosts-file name with it', async () => {
    const port = await freePort()
    const certificates = made('DNS:app.example.test')
    const system = await start({
      redirectUri: `https://app.example.test:${port}/cb`,
      certificates,
      profile: { listen: `127.0.0.1:${port}` },
    })
    const { id, response } = await approved(system)
    await deliver(system, response, certificates.ca, `127.0.0.1:${port}`)
    await expectLoggedIn(system, id)
  })

  test('a login that pends over a restart is answered over https', async () => {
    const port = await freePort()
    const certificates = made()
    const system = await start({
      redirectUri: `https://localhost:${port}/cb`,
      certificates,
      env: { CATCHD_VAULT: 'file' },
    })
    const { id, response } = await approved(system)
    await system.daemon.restart()
    await deliver(system, response, certificates.ca, `127.0.0.1:${port}`)
    await expectLoggedIn(system, id)
  })
})

describe("catchd's own certificate", () => {
  test('without one no browser opens; the command makes it, and the next login is served with it', async () => {
    const port = await freePort()
    const system = await start({ redirectUri: `https://localhost:${port}/cb` })
    const { daemon, server } = system
    const refused = await daemon.api('POST', '/v1/logins', { body: { profile: 'corp', open: true } })
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({
      code: 'profile_invalid',
      profile: 'corp',
      next: 'catchd certificate make',
    })
    const atTheCommandLine = await daemon.cli(['login', 'corp', '--no-browser'])
    expect(atTheCommandLine.exitCode).toBe(7)
    expect(atTheCommandLine.stderr).toContain('catchd certificate make')
    expect(atTheCommandLine.stderr).not.toContain(server.issuer)

    const { exitCode, stdout, stderr } = await daemon.cli(['certificate', 'make', '--json'])
    expect([exitCode, stderr]).toEqual([0, ''])
    const { file, fingerprint_sha256: fingerprint, names } = JSON.parse(stdout)
    expect(names).toEqual(['localhost', '127.0.0.1', '::1'])
    const ca = readFileSync(file, 'utf8')
    expect(new X509Certificate(ca).fingerprint256).toBe(fingerprint)
    const { id, response } = await approved(system)
    const { page } = await deliver(system, response, ca, `[::1]:${port}`)
    expect(page?.status).toBe(200)
    await expectLoggedIn(system, id)
  })

  test('renewed, it is presented from the next login on, without a restart', async () => {
    const port = await freePort()
    const system = await start({ redirectUri: `https://localhost:${port}/cb` })
    const { daemon } = system
    const make = async (...options: string[]) => {
      const { file } = JSON.parse((await daemon.cli(['certificate', 'make', '--json', ...options])).stdout)
      return readFileSync(file, 'utf8')
    }
    const first = await make()
    expect(await make()).toBe(first)
    await approved(system)
    const renewed = await make('--renew')
    expect(renewed).not.toBe(first)
    const { id, response } = await approved(system)
    await expect(deliver(system, response, first, `127.0.0.1:${port}`)).rejects.toThrow()
    await deliver(system, response, renewed, `127.0.0.1:${port}`)
    await expectLoggedIn(system, id)
  })

  test('a person is told what to run, what it is and until when', async () => {
    const system = await start({ redirectUri: `https://localhost:${await freePort()}/cb` })
    const missing = await system.daemon.cli(['certificate', 'show'])
    expect([missing.exitCode, missing.stdout]).toEqual([7, ''])
    expect(missing.stderr).toContain('catchd certificate make')
    const { stdout, stderr } = await system.daemon.cli(['certificate', 'make'])
    expect(stdout).toMatch(/SHA-256 +([0-9A-F]{2}:){31}[0-9A-F]{2}\n/)
    expect(stdout).toMatch(/expires +\d{4}-\d\d-\d\dT/)
    expect(stderr).toContain('certutil')
    expect(stderr).toContain('mkcert -install')
    expect((await system.daemon.cli(['certificate', 'show'])).stdout).toBe(stdout)
  })
})

describe('refused before an authorization URL exists', () => {
  test.each<[string, () => Pick<Certificates, 'certFile' | 'keyFile'>, string]>([
    ['an expired certificate', () => made(undefined, { days: -1 }), 'expired at'],
    [
      'the certificate of another key',
      () => ({ certFile: made().certFile, keyFile: made().keyFile }),
      'does not match the private key in',
    ],
    ['a certificate for another host', () => made('DNS:example.test'), 'is not valid for localhost'],
    ['a file that is gone', () => ({ ...made(), certFile: '/nowhere/cert.pem' }), 'cannot be read (ENOENT)'],
    [
      'a key that others can read',
      () => {
        const certificates = made()
        chmodSync(certificates.keyFile, 0o644)
        return certificates
      },
      'chmod 600',
    ],
  ])('%s', async (_name, make, reason) => {
    const certificates = make()
    const system = await start({ redirectUri: `https://localhost:${await freePort()}/cb`, certificates })
    const refused = await system.daemon.api('POST', '/v1/logins', { body: { profile: 'corp', open: true } })
    expect([refused.status, refused.json['code']]).toEqual([422, 'profile_invalid'])
    expect(refused.json['detail']).toContain(reason)
    const file = reason === 'chmod 600' ? certificates.keyFile : certificates.certFile
    expect(refused.json['detail']).toContain(file)
    const status = await system.daemon.api('GET', '/v1/status')
    expect(status.json).toMatchObject({ logins_pending: 0 })
    expect(JSON.stringify(status.json['listeners'])).not.toContain('https:')
  })

  test('https on a port that a pending http login needs', async () => {
    const port = await freePort()
    const system = await start({
      redirectUri: `https://localhost:${port}/cb`,
      certificates: made(),
      profiles: { plain: { extends: 'corp', redirect_uri: `http://localhost:${port}/plain` } },
    })
    // What is extended brings the certificate along, which plain http must not have.
    expect((await system.daemon.api('GET', '/v1/status')).json['config']).toMatchObject({ ok: false })

    const other = await start({ redirectUri: `https://localhost:${port}/cb`, certificates: made() })
    const entry = { issuer: other.server.issuer, client_id: 'c', redirect_uri: `http://localhost:${port}/x` }
    await other.daemon.api('PUT', '/v1/profiles/plain', { body: entry })
    const begin = (profile: string) =>
      other.daemon.api('POST', '/v1/logins', { body: { profile, open: false } })
    expect((await begin('plain')).status).toBe(201)
    const refused = await begin('corp')
    expect([refused.status, refused.json['code']]).toEqual([409, 'redirect_port_in_use'])
    expect(refused.json['detail']).toContain('one port cannot serve both')
  })
})

describe.skipIf(withoutChromium !== undefined)('in Chromium', () => {
  test('the browser that trusts the certificate ends on the clean page', async () => {
    const system = await start({ redirectUri: `https://localhost:${await freePort()}/callback/corp` })
    const { stdout } = await system.daemon.cli(['certificate', 'make', '--json'])
    const { publicKey } = new X509Certificate(readFileSync(JSON.parse(stdout).file))
    const pin = createHash('sha256')
      .update(publicKey.export({ format: 'der', type: 'spki' }))
      .digest('base64')
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', `--ignore-certificate-errors-spki-list=${pin}`],
    })
    cleanUps.push(() => browser.close())
    const { id, response } = await approved(system)
    const page = await browser.newPage()
    await page.goto(response)
    expect(page.url()).toBe(`${new URL(system.redirectUri).origin}/catchd/${id}`)
    expect(await page.textContent('h1')).toBe('Logged in: corp')
    await expectLoggedIn(system, id)
  })
})
