/** docker's command line and `docker-credential-catchd`, as far as it goes without an engine; and the helper's own words. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCertificates } from '../../support/certificates.js'
import { isHere, needs } from '../../support/needs.js'
import { startRegistry } from '../../support/registry.js'
import { script, ToolBench } from '../../support/tool-system.js'

const bench = new ToolBench()
const missing = needs('openssl')

/** A registry that wants this daemon's token, and a profile that is for it. */
async function start() {
  const good = new Set<string>()
  const { caFile, key, cert } = makeCertificates(bench.folder)
  const { host, passwords } = await startRegistry(bench, { key, cert }, (password) => good.has(password))
  const system = await bench.system({ profile: { hosts: [host] } })
  good.add(await system.token())
  await script(join(system.bin, 'docker-credential-catchd'), 'exec catchd credential docker "$@"')
  const env = { ...system.env, SSL_CERT_FILE: caFile, DOCKER_CONFIG: join(bench.folder, '.docker') }
  await mkdir(env.DOCKER_CONFIG)
  const configure = (config: object) =>
    writeFile(join(env.DOCKER_CONFIG, 'config.json'), JSON.stringify(config))
  await configure({ credHelpers: { [host]: 'catchd' } })
  return { system, host, good, passwords, configure, shell: (line: string) => bench.shell(line, env) }
}

const inspect = (image: string) => `docker manifest inspect ${image}`

test.skipIf(missing)('get, list, erase and store as docker asks them', async () => {
  const { system, host, shell } = await start()
  const helper = (operation: string, input = '') =>
    shell(`printf %s '${input}' | docker-credential-catchd ${operation}`)
  const token = await system.token()
  expect(JSON.parse((await helper('get', host)).stdout)).toEqual({
    ServerURL: host,
    Username: 'oauth2',
    Secret: token,
  })
  const list = await helper('list')
  expect(JSON.parse(list.stdout)).toEqual({ [`https://${host}`]: 'oauth2' })
  expect(list.stdout).not.toContain(token)
  expect(await helper('get', 'https://images.example.org')).toEqual({
    exitCode: 1,
    stdout: 'credentials not found in native keychain\n',
    stderr: '',
  })
  expect(await helper('erase', host)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  expect((await helper('store', `{"ServerURL":"${host}","Username":"u","Secret":"s"}`)).exitCode).toBe(1)
  expect(await system.token()).toBe(token)
})

test.skipIf(missing)('a failure stands on stdout, too, for clients that show nothing else', async () => {
  const { system, host, shell } = await start()
  await system.daemon.api('DELETE', '/v1/tokens/gw')
  const { exitCode, stdout, stderr } = await shell(`printf %s ${host} | docker-credential-catchd get`)
  expect(exitCode).toBe(3)
  expect(stderr).toContain('→ catchd login gw')
  expect(stdout).toMatch(/^catchd: .*catchd login gw\n$/)
})

if (isHere('docker')) {
  test('docker brings the token to the registry, and none to another', async () => {
    const { system, host, passwords, configure, shell } = await start()
    const { exitCode, stdout, stderr } = await shell(inspect(`${host}/team/image:1`))
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 2 })
    expect(passwords).toContain(await system.token())

    // For everything, with a registry of no profile: docker understands "not found" and goes on without.
    await configure({ credsStore: 'catchd' })
    const asked = passwords.length
    const other = await shell(inspect(`localhost:${host.split(':')[1]}/team/image:1`))
    expect(other.stderr).toContain('no basic auth credentials')
    expect(passwords.slice(asked).filter((password) => password !== undefined)).toEqual([])
    expect(passwords.length).toBeGreaterThan(asked)
  })

  test('docker login and logout store and delete nothing, and say so', async () => {
    const { system, host, good, configure, shell } = await start()
    await configure({ credsStore: 'catchd' })
    good.add('secret')
    const token = await system.token()
    const login = await shell(`echo secret | docker login --username u --password-stdin ${host}`)
    expect(login.exitCode).toBe(1)
    expect(login.stderr).toContain('catchd stores no passwords. It provides tokens of its own logins')
    const logout = await shell(`docker logout ${host}`)
    expect(logout).toMatchObject({ exitCode: 0 })
    expect(await system.token()).toBe(token)
  })

  test('without a login docker shows what to run', async () => {
    const { system, host, shell } = await start()
    await system.daemon.api('DELETE', '/v1/tokens/gw')
    const { exitCode, stderr } = await shell(inspect(`${host}/team/image:1`))
    expect(exitCode).toBe(1)
    expect(stderr).toContain('→ catchd login gw')
  })
}
