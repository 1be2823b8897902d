/** Certificates judged as a browser would: what none would take is refused, naming the file and the reason. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readServedCertificate } from '../../../src/http/redirect/certificate-files.js'
import type { CertificateFiles } from '../../../src/login/ports.js'
import { type CertificateOptions, type Certificates, makeCertificates } from '../../support/certificates.js'

let folder: string
let good: Certificates

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-judged-'))
  good = made('good')
})

afterAll(() => rmSync(folder, { recursive: true }))

function made(name: string, names?: string, options?: CertificateOptions): Certificates {
  mkdirSync(join(folder, name))
  return makeCertificates(join(folder, name), names, options)
}

function filesOf({ certFile, keyFile }: Certificates): CertificateFiles {
  return { certificateFile: certFile, privateKeyFile: keyFile }
}

function written(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

function judge(files: CertificateFiles, hostname = 'localhost', isOwn = false) {
  return readServedCertificate({ hostname, files, isOwn, nowMs: Date.now() })
}

async function refused(...asked: Parameters<typeof judge>) {
  const failure = await judge(...asked).then(
    () => expect.unreachable('it was taken'),
    (error: unknown) => error as Error & { code: string; detail: string; next: string },
  )
  expect(failure.code).toBe('profile_invalid')
  return failure
}

test.each([
  ['localhost', 'localhost'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '::1'],
])('a good one is taken for %s', async (hostname, host) => {
  const served = await judge(filesOf(good), hostname)
  expect(served).toMatchObject({ host, certificate: good.cert })
  expect(JSON.stringify(served)).not.toContain('PRIVATE KEY')
})

test('one that is not valid yet', async () => {
  const request = { hostname: 'localhost', files: filesOf(good), isOwn: false }
  const yesterday = Date.now() - 86_400_000
  await expect(readServedCertificate({ ...request, nowMs: yesterday })).rejects.toMatchObject({
    code: 'profile_invalid',
    detail: expect.stringContaining(`${good.certFile} is not valid before`),
  })
})

test('expired', async () => {
  const files = filesOf(made('expired', undefined, { days: -1 }))
  expect((await refused(files)).detail).toMatch(
    new RegExp(`^redirect_certificate_file ${files.certificateFile} expired at \\d{4}-.*Z\\.$`),
  )
})

test('not the certificate of the key', async () => {
  const other = made('other-key')
  const files = { certificateFile: good.certFile, privateKeyFile: other.keyFile }
  expect((await refused(files)).detail).toBe(
    `redirect_certificate_file ${good.certFile} does not match the private key in ${other.keyFile}.`,
  )
})

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '::1'],
  ['localhost', 'localhost'],
])('not for %s', async (hostname, host) => {
  const elsewhere = made(`elsewhere-${host}`, 'DNS:example.test')
  const { detail } = await refused(filesOf(elsewhere), hostname)
  expect(detail).toContain(elsewhere.certFile)
  expect(detail).toContain(`is not valid for ${host}. It names DNS:example.test`)
})

test('not for a server', async () => {
  const files = filesOf(made('client', undefined, { extendedKeyUsage: 'clientAuth' }))
  expect((await refused(files)).detail).toContain('its extended key usage has no serverAuth')
})

test.skipIf(process.getuid === undefined)('a key that others can read', async () => {
  const open = made('open-key')
  chmodSync(open.keyFile, 0o640)
  const { detail } = await refused(filesOf(open))
  expect(detail).toContain('redirect_private_key_file')
  expect(detail).toContain(
    `can be read by other users. If one of them may have read it, replace the secret. Run: chmod 600 ${open.keyFile}`,
  )
})

test.each<[string, () => CertificateFiles, string]>([
  ['no such certificate', () => ({ ...filesOf(good), certificateFile: join(folder, 'gone') }), 'ENOENT'],
  ['no such key', () => ({ ...filesOf(good), privateKeyFile: join(folder, 'gone') }), 'ENOENT'],
  ['a folder', () => ({ ...filesOf(good), certificateFile: folder }), 'is not a file'],
  [
    'no certificate inside',
    () => ({ ...filesOf(good), certificateFile: written('junk.pem', 'canary-junk') }),
    'contains no certificate in PEM format',
  ],
  [
    'no key inside',
    () => ({ ...filesOf(good), privateKeyFile: written('junk.key', 'canary-junk') }),
    'contains no private key in PEM format',
  ],
  [
    'an encrypted key',
    () => ({
      ...filesOf(good),
      privateKeyFile: written('locked.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\ncanary\n'),
    }),
    'is encrypted',
  ],
])('%s', async (_name, files, reason) => {
  const { detail } = await refused(files())
  expect(detail).toContain(reason)
  expect(detail).toContain(folder)
  expect(detail).not.toContain('canary')
})

test('none at all: the command that makes one is named', async () => {
  const files = { certificateFile: join(folder, 'own.pem'), privateKeyFile: join(folder, 'own.key') }
  const failure = await refused(files, 'localhost', true)
  expect(failure.detail).toContain('own.pem does not exist yet')
  expect(failure.next).toBe('catchd certificate make')
})

test("catchd's own, for another host: another has to be named", async () => {
  const failure = await refused(filesOf(good), '127.0.0.2', true)
  expect(failure.detail).toContain('is not valid for 127.0.0.2')
  expect(failure.detail).toContain('redirect_certificate_file')
})
