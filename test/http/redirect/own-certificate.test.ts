/** The certificate that catchd makes for itself: for the loopback names, no CA, renewed near its end. */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { trustSteps } from '../../../src/cli/certificate.js'
import { readServedCertificate } from '../../../src/http/redirect/certificate-files.js'
import { ensureOwnCertificate, readOwnCertificate } from '../../../src/http/redirect/certificate-making.js'
import { ownCertificateFiles } from '../../../src/http/redirect/own-certificate.js'
import { exchange } from '../../support/http-client.js'

const DAY_MS = 86_400_000
const NOW_MS = Date.now()

function stateFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-own-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test.each(['localhost', '127.0.0.1', '[::1]'])(
  'a client that trusts it alone is served at %s',
  async (host) => {
    const folder = stateFolder()
    const { file } = await ensureOwnCertificate(folder, NOW_MS, false)
    const files = ownCertificateFiles(folder)
    const { certificate, privateKey } = await readServedCertificate({
      hostname: host,
      files,
      isOwn: true,
      nowMs: NOW_MS,
    })
    const server = createServer({ cert: certificate, key: privateKey.reveal() }, (_request, response) =>
      response.end('served'),
    )
    await new Promise<void>((resolve) => server.listen(0, resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const answer = await exchange(`https://${host}:${port}/`, { ca: readFileSync(file, 'utf8') })
    expect(answer.body).toBe('served')
    await expect(exchange(`https://${host}:${port}/`)).rejects.toThrow(/self-signed/)
  },
)

test('it can vouch for no other site, and openssl finds nothing wrong with it', async () => {
  const folder = stateFolder()
  const { file, fingerprint, expiresAt } = await ensureOwnCertificate(folder, NOW_MS, false)
  const certificate = new X509Certificate(readFileSync(file))
  expect(certificate.ca).toBe(false)
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  expect(certificate.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1')
  expect(certificate.fingerprint256).toBe(fingerprint)
  expect(Date.parse(certificate.validTo)).toBe(Date.parse(expiresAt))
  // Apple's limit.
  expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBeLessThan(825 * DAY_MS)
  const verify = ['verify', '-x509_strict', '-check_ss_sig', '-verify_hostname', 'localhost', '-CAfile', file]
  expect(execFileSync('openssl', [...verify, file]).toString()).toContain('OK')
})

test.skipIf(process.getuid === undefined)('its files are for their owner alone', async () => {
  const folder = stateFolder()
  await ensureOwnCertificate(folder, NOW_MS, false)
  const { certificateFile, privateKeyFile } = ownCertificateFiles(folder)
  expect([certificateFile, privateKeyFile].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600])
})

test('it is kept while it is good for a month, and made anew after that or when asked', async () => {
  const folder = stateFolder()
  const first = await ensureOwnCertificate(folder, NOW_MS, false)
  expect(first.made).toBe(true)
  const lastMs = Date.parse(first.expiresAt)
  expect(await ensureOwnCertificate(folder, lastMs - 31 * DAY_MS, false)).toEqual({ ...first, made: false })
  const second = await ensureOwnCertificate(folder, lastMs - 29 * DAY_MS, false)
  expect(second.made).toBe(true)
  expect(second.fingerprint).not.toBe(first.fingerprint)
  expect(Date.parse(second.expiresAt)).toBeGreaterThan(lastMs + 600 * DAY_MS)
  const third = await ensureOwnCertificate(folder, lastMs - 29 * DAY_MS, true)
  expect([third.made, third.fingerprint === second.fingerprint]).toEqual([true, false])
})

test('a certificate past its end is refused with the command that renews it', async () => {
  const folder = stateFolder()
  const { expiresAt } = await ensureOwnCertificate(folder, NOW_MS, false)
  await expect(readOwnCertificate(folder, Date.parse(expiresAt))).rejects.toMatchObject({
    code: 'profile_invalid',
    detail: expect.stringContaining(`expired at ${expiresAt}`),
    next: 'catchd certificate make',
  })
})

test.each<[string, (files: ReturnType<typeof ownCertificateFiles>) => void]>([
  ['a key that others could read', ({ privateKeyFile }) => chmodSync(privateKeyFile, 0o644)],
  ['a broken certificate', ({ certificateFile }) => writeFileSync(certificateFile, 'broken')],
  ['a missing key', ({ privateKeyFile }) => rmSync(privateKeyFile)],
])('%s is replaced, certificate and all', async (_name, spoil) => {
  const folder = stateFolder()
  const first = await ensureOwnCertificate(folder, NOW_MS, false)
  spoil(ownCertificateFiles(folder))
  await expect(readOwnCertificate(folder, NOW_MS)).rejects.toMatchObject({ code: 'profile_invalid' })
  const second = await ensureOwnCertificate(folder, NOW_MS, false)
  expect([second.made, second.fingerprint === first.fingerprint]).toEqual([true, false])
  expect(await readOwnCertificate(folder, NOW_MS)).toMatchObject({ fingerprint: second.fingerprint })
})

test.each<[NodeJS.Platform, string]>([
  [
    'darwin',
    `security add-trusted-cert -r trustRoot -p ssl -k ~/Library/Keychains/login.keychain-db '/a b/it'\\''s.pem'`,
  ],
  ['linux', `certutil -d sql:$HOME/.pki/nssdb -A -t P,, -n catchd -i '/a b/it'\\''s.pem'`],
  ['win32', `certutil -user -addstore Root "/a b/it's.pem"`],
])('what to run on %s, whatever the path', (platform, command) => {
  const lines = trustSteps(platform, "/a b/it's.pem")
  expect(lines).toContain(`  ${command}`)
  expect(lines).toContain('  mkcert -install')
})
