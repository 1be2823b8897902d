/** go and `catchd credential goauth`, with a module proxy that wants the token; go itself where one is new enough. */
import { createServer } from 'node:https'
import { expect, test } from 'vitest'
import { makeCertificates } from '../../support/certificates.js'
import { isGoWithAuth } from '../../support/needs.js'
import { ToolBench } from '../../support/tool-system.js'

const bench = new ToolBench()

/** A module proxy for tokens that are good, and go that asks nobody but catchd. */
async function start(isGood: (authorization: string | undefined) => boolean) {
  const { caFile, key, cert } = makeCertificates(bench.folder)
  const seen: (string | undefined)[] = []
  const port = await bench.listen(
    createServer({ key, cert }, ({ headers, url = '' }, response) => {
      seen.push(headers.authorization)
      if (!isGood(headers.authorization)) response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
      else if (url.endsWith('.mod')) response.end('module example.com/m\n')
      else response.end('{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z"}')
    }),
  )
  const host = `127.0.0.1:${port}`
  const system = await bench.system({ profile: { hosts: [host] } })
  const env = {
    ...system.env,
    SSL_CERT_FILE: caFile,
    GOPROXY: `https://${host}`,
    GOAUTH: 'catchd credential goauth',
    GONOSUMDB: '*',
    GOTOOLCHAIN: 'local',
    GOFLAGS: '-modcacherw',
  }
  return { system, env, host, seen, go: (line: string) => bench.shell(`go ${line}`, env) }
}

test('the two calls of go, by hand: the second one brings the refusal', async () => {
  const { env, host } = await start(() => false)
  const first = await bench.shell('catchd credential goauth', env)
  const refusal = "printf 'HTTP/1.1 401 Unauthorized\\r\\nWww-Authenticate: Bearer\\r\\n\\r\\n'"
  const second = await bench.shell(`${refusal} | catchd credential goauth https://${host}/m`, env)
  const [one, two] = [first, second].map(({ stdout }) => /Authorization: Bearer (\S+)/.exec(stdout)?.[1])
  expect(one).toBeDefined()
  expect(two).toBeDefined()
  expect(two).not.toBe(one)
})

const LIST = 'list -m example.com/m@v1.0.0'

if (isGoWithAuth()) {
  test('a module comes with the token', async () => {
    let good = ''
    const { system, seen, go } = await start((authorization) => authorization === good)
    good = `Bearer ${await system.token()}`
    expect(await go(LIST)).toMatchObject({ exitCode: 0, stdout: 'example.com/m v1.0.0\n' })
    expect(new Set(seen)).toEqual(new Set([good]))
  })

  test('a token that the server forgot is renewed within the same command', async () => {
    let old: string | undefined = ''
    const { system, seen, go } = await start((authorization) => authorization !== old)
    old = `Bearer ${await system.token()}`
    expect(await go(LIST)).toMatchObject({ exitCode: 0, stdout: 'example.com/m v1.0.0\n' })
    expect(seen.slice(0, 2)).toEqual([old, `Bearer ${await system.token()}`])
  })

  test('a server that takes no token at all gets three of them, however often go asks', async () => {
    const { seen, go } = await start(() => false)
    for (let round = 0; round < 3; round += 1) expect((await go(LIST)).exitCode).toBe(1)
    expect(new Set(seen).size).toBe(3)
  })
}
