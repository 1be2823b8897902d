/** A company's network, with the built program: a proxy that wants a password, and a CA in the system's store alone. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeCertificates } from '../support/certificates.js'
import { ConnectProxy } from '../support/connect-proxy.js'
import { type Environment, runProgram } from '../support/program.js'

const TOKENS = { access_token: 'access-1', token_type: 'Bearer', expires_in: 300 }
let home = ''
let proxy: ConnectProxy
let env: Environment = {}
const cleanUps: (() => unknown)[] = []

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'catchd-networks-'))
  const { caFile, key, cert } = makeCertificates(home, 'DNS:id.corp.test')
  const server = createServer({ key, cert }, (request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json').end(JSON.stringify(TOKENS))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  cleanUps.push(() => server.close())
  proxy = new ConnectProxy({ port: (server.address() as AddressInfo).port, credentials: 'me:canary' })
  await proxy.listen()
  cleanUps.push(() => proxy.close())
  env = {
    HOME: home,
    CATCHD_HOME: home,
    CATCHD_API_PORT: '0',
    CATCHD_REDIRECT_PORT: '0',
    CATCHD_VAULT: 'memory',
    CATCHD_LOG_LEVEL: 'trace',
    SSL_CERT_FILE: caFile,
    HTTPS_PROXY: proxy.url('me:canary'),
  }
  const profile = {
    grant: 'client_credentials',
    token_endpoint: 'https://id.corp.test/token',
    client_id: 'c',
    client_secret: { env: 'SECRET' },
    token_endpoint_auth_method: 'client_secret_post',
  }
  await writeFile(join(home, 'config.jsonc'), JSON.stringify({ profiles: { m2m: profile } }), { mode: 0o600 })
})

afterEach(async () => {
  await runProgram(['daemon', 'stop'], { env })
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp()
  await rm(home, { recursive: true, force: true })
})

async function logged(): Promise<string> {
  const state = join(home, 'state')
  const names = (await readdir(state)).filter((name) => name.includes('.log'))
  return (await Promise.all(names.map((name) => readFile(join(state, name), 'utf8')))).join('')
}

test('the daemon gets a token through the proxy, and nothing tells its password', async () => {
  const token = await runProgram(['token', 'm2m'], { env: { ...env, SECRET: 's' } })
  expect(token, token.stderr).toMatchObject({ exitCode: 0, stdout: 'access-1\n' })
  expect(proxy.seen.map(({ target }) => target)).toEqual(['id.corp.test:443'])
  const doctor = await runProgram(['doctor', 'm2m', '--json'], { env })
  expect(JSON.parse(doctor.stdout)).toContainEqual(
    expect.objectContaining({
      check: 'proxy',
      status: 'ok',
      detail: `127.0.0.1:${proxy.port}, from HTTPS_PROXY, with a user name and password.`,
    }),
  )
  expect(doctor.stdout).not.toContain('proxy of the daemon')
  const said = `${await logged()}${doctor.stdout}${doctor.stderr}${token.stderr}`
  expect(said).not.toMatch(/canary|Y2FuYXJ5/)
})

test('a password that the proxy does not take is said by its variable, and not repeated', async () => {
  const wrong = { ...env, SECRET: 's', HTTPS_PROXY: proxy.url('me:canary-2') }
  const token = await runProgram(['token', 'm2m'], { env: wrong })
  expect(token).toMatchObject({ exitCode: 5, stdout: '' })
  expect(token.stderr).toMatch(/The proxy 127.0.0.1:\d+ refused .*status 407.*HTTPS_PROXY/)
  const doctor = await runProgram(['doctor', 'm2m', '--json'], { env })
  if (process.platform === 'linux') expect(doctor.stdout).toContain('proxy of the daemon')
  expect(`${await logged()}${doctor.stdout}${token.stderr}`).not.toMatch(/canary|Y2FuYXJ5/)
})
