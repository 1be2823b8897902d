/** curl and httpie: at the daemon for a token, and at an API with it. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { needs } from '../../support/needs.js'
import { basicPassword, ToolBench, type ToolSystem } from '../../support/tool-system.js'

const bench = new ToolBench()
const skipCurl = needs('curl') !== undefined
const skipHttpie = needs('http') !== undefined

const bearer = async ({ token }: ToolSystem) => `Bearer ${await token()}`

test.skipIf(skipCurl)('curl asks the daemon, over TCP with a key and over the socket without', async () => {
  const system = await bench.system()
  const { daemon, env } = system
  const token = await system.token()
  const key = await system.key()
  const overTcp = (more: string) =>
    bench.shell(`curl --silent ${more} http://127.0.0.1:${daemon.apiPort}/v1/tokens/gw`, env)
  const answered = await overTcp(`--header "Authorization: Bearer ${key}"`)
  expect(JSON.parse(answered.stdout)).toMatchObject({ access_token: token, profile: 'gw' })
  const plain = await overTcp(`--header "Authorization: Bearer ${key}" --header "Accept: text/plain"`)
  expect(plain.stdout).toBe(token)
  expect(JSON.parse((await overTcp('')).stdout)).toMatchObject({ code: 'unauthorized', status: 401 })
  const failing = await overTcp('--fail-with-body')
  expect(failing.exitCode).toBe(22)

  const overSocket = await bench.shell(
    `curl --silent --unix-socket "${daemon.socketPath}" http://localhost/v1/tokens/gw`,
    env,
  )
  expect(JSON.parse(overSocket.stdout)).toMatchObject({ access_token: token })
})

test.skipIf(skipCurl)(
  'curl reads the header from a pipe, and the token stands in no process list',
  async () => {
    const [system, api] = [await bench.system(), await bench.api()]
    const command = `catchd token gw --format header | curl --silent --header @- ${api.url}`
    expect(await bench.shell(command, system.env)).toMatchObject({ exitCode: 0, stdout: 'ok' })
    expect(api.seen).toEqual([await bearer(system)])
  },
)

test.skipIf(skipCurl)('curl reads the header from a file that is kept fresh', async () => {
  const system = await bench.system({ accessTokenLifetimeSeconds: 3 })
  const api = await bench.api()
  const file = join(bench.folder, 'gw.header')
  const call = `curl --silent --header @${file} ${api.url}`
  await writeFile(
    join(bench.folder, 'twice'),
    `${call}; before=$(cat ${file}); while [ "$(cat ${file})" = "$before" ]; do sleep 0.1; done; ${call}`,
  )
  const kept = await bench.shell(
    `catchd keep gw --format header --file ${file} --min-ttl 1 -- timeout 120 bash twice`,
    system.env,
  )
  expect(kept).toMatchObject({ exitCode: 0, stdout: 'okok' })
  expect(new Set(api.seen).size).toBe(2)
  expect(api.seen.every((header) => /^Bearer \S+$/.test(header ?? ''))).toBe(true)
  await expect(readFile(file)).rejects.toThrow('ENOENT')
})

test.skipIf(skipCurl)('curl finds its password in a netrc that no file holds', async () => {
  const passwords: (string | undefined)[] = []
  const api = await bench.api((request, response) => {
    passwords.push(basicPassword(request))
    response.end('ok')
  })
  const system = await bench.system({ profile: { hosts: [api.host, '*.example.com'] } })
  const line = `curl --silent --netrc-file <(catchd credential netrc) ${api.url}`
  expect(await bench.shell(line, system.env)).toMatchObject({ stdout: 'ok', exitCode: 0 })
  expect(passwords).toEqual([await system.token()])
})

test.skipIf(skipHttpie)('httpie takes the header as it is printed', async () => {
  const [system, api] = [await bench.system(), await bench.api()]
  const line = `http --ignore-stdin --check-status ${api.url} "$(catchd token gw --format header)"`
  expect(await bench.shell(line, system.env)).toMatchObject({ exitCode: 0, stdout: 'ok' })
  expect(api.seen).toEqual([await bearer(system)])
})

test.skipIf(skipHttpie)('httpie asks the daemon with a key as its bearer token', async () => {
  const system = await bench.system()
  const line = `http --ignore-stdin --auth-type bearer --auth "${await system.key()}" :${system.daemon.apiPort}/v1/tokens/gw`
  const { stdout } = await bench.shell(line, system.env)
  expect(JSON.parse(stdout)).toMatchObject({ access_token: await system.token() })
})

test.skipIf(skipCurl)('without a login nothing is sent, and the caller is told why', async () => {
  const [system, api] = [await bench.system(), await bench.api()]
  await system.daemon.api('DELETE', '/v1/tokens/gw')
  const line = `set -o pipefail; header=$(catchd token gw --format header) && curl --silent --header "$header" ${api.url}`
  const { exitCode, stderr } = await bench.shell(line, system.env)
  expect(exitCode).toBe(3)
  expect(stderr).toContain('→ catchd login gw')
  expect(api.seen).toEqual([])
})
