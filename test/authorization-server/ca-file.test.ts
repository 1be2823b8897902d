/** What a `ca_file` may hold: what `curl --cacert` takes, and what browsers and Windows export. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ServerConnections } from '../../src/authorization-server/server-connections.js'
import { cleanUp, failureOf, listen } from './fake-server.js'

const folder = mkdtempSync(join(tmpdir(), 'catchd-ca-file-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
const read = (name: string) => readFileSync(at(name), 'utf8')
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** @param by - The CA that signs. @param extension - Of openssl. */
function sign(name: string, by: string, extension: string, days = 2): void {
  writeFileSync(at(`${name}.ext`), extension)
  openssl('req', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  const ca = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-extfile', `${name}.ext`]
  openssl('x509', '-req', '-in', `${name}.csr`, ...ca, '-out', `${name}.pem`, '-days', String(days))
}

const CA = 'basicConstraints=critical,CA:true\nkeyUsage=keyCertSign\n'
const HERE = 'subjectAltName=IP:127.0.0.1\n'
const sealed = ['-subj', '/CN=root', '-days', '2', '-keyout']
openssl('req', '-x509', ...KEY, ...sealed, 'root.key', '-out', 'root.pem')
openssl('req', '-x509', ...KEY, ...sealed, 'stranger.key', '-out', 'stranger.pem') // of the same name
sign('issuing', 'root', CA)
sign('leaf', 'issuing', HERE)
sign('expired', 'issuing', HERE, -1)
sign('elsewhere', 'issuing', 'subjectAltName=DNS:other.example\n')
sign('twin', 'issuing', HERE) // as the leaf, of another key
openssl('x509', '-in', 'root.pem', '-outform', 'der', '-out', 'root.cer')
openssl('x509', '-in', 'issuing.pem', '-outform', 'der', '-out', 'issuing.cer')
openssl('x509', '-in', 'issuing.pem', '-text', '-out', 'described.pem')
openssl('x509', '-in', 'issuing.pem', '-trustout', '-out', 'trusted.pem')
openssl('crl2pkcs7', '-nocrl', '-certfile', 'root.pem', '-out', 'chain.p7b')
writeFileSync(at('crlf.pem'), read('issuing.pem').replaceAll('\n', '\r\n'))
writeFileSync(at('marked.pem'), `\uFEFF${read('issuing.pem')}`)
writeFileSync(at('bundle.pem'), `# the CAs of the company\n${read('stranger.pem')}\n${read('root.pem')}`)
writeFileSync(at('wide.pem'), Buffer.from(read('root.pem'), 'utf16le'))

/** The server sends its certificate and, unless told otherwise, the one of the issuing CA. */
async function exchange(caFile: string, certificate = 'leaf', chain = 'issuing.pem') {
  const cert = read(`${certificate}.pem`) + (chain === '' ? '' : read(chain))
  const server = createServer({ key: read(`${certificate}.key`), cert }, (_request, response) => {
    response.end('{}')
  })
  const port = await listen(server)
  const connections = new ServerConnections()
  cleanUp(() => connections.close())
  const get = { method: 'GET', headers: {} }
  return connections.exchange(`https://127.0.0.1:${port}/token`, get, at(caFile))
}

test.each([
  ['the root', 'root.pem'],
  ['the CA that issued the certificate', 'issuing.pem'],
  ['the certificate of the server', 'leaf.pem'],
  ['the root in DER', 'root.cer'],
  ['the issuing CA in DER', 'issuing.cer'],
  ['lines of Windows', 'crlf.pem'],
  ['a byte order mark', 'marked.pem'],
  ['text above the certificate', 'described.pem'],
  ["openssl's trusted certificate", 'trusted.pem'],
  ['several CAs and a comment', 'bundle.pem'],
])('%s is taken', async (_what, caFile) => {
  expect((await exchange(caFile)).status).toBe(200)
})

test('a server that sends its certificate alone: the issuing CA is taken, the root is not enough', async () => {
  expect((await exchange('issuing.pem', 'leaf', '')).status).toBe(200)
  const failure = await failureOf(exchange('root.pem', 'leaf', ''))
  expect(failure.message).toContain('does not know (UNABLE_TO_GET_ISSUER_CERT_LOCALLY). Set ca_file')
})

test.each([
  ['a CA of the same name and another key', 'stranger.pem', 'leaf', 'Set ca_file to that CA'],
  ['another certificate of the same CA', 'twin.pem', 'leaf', 'Set ca_file to that CA'],
  ['the certificate of the server, which has expired', 'expired.pem', 'expired', 'has expired'],
  ['the certificate of the server, for another name', 'elsewhere.pem', 'elsewhere', 'another host name'],
])('%s is refused', async (_what, caFile, certificate, says) => {
  const failure = await failureOf(exchange(caFile, certificate))
  expect(failure).toMatchObject({ code: 'provider_unreachable', message: expect.stringContaining(says) })
})

test.each([
  ['a PKCS #7 file', 'chain.p7b'],
  ['a key', 'leaf.key'],
  ['UTF-16', 'wide.pem'],
])('%s is refused by name', async (_what, caFile) => {
  const failure = await failureOf(exchange(caFile))
  expect(failure).toMatchObject({
    code: 'profile_invalid',
    message: `ca_file ${at(caFile)} contains no certificate in the format PEM or DER.`,
  })
})
