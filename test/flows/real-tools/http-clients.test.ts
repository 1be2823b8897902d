/** HTTP clients that keep requests in files: httpyac, with the token in its environment or through the proxy. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { needs } from '../../support/needs.js'
import { HTTPYAC, ToolBench } from '../../support/tool-system.js'

const bench = new ToolBench()
const skip = needs(HTTPYAC) !== undefined

async function start() {
  const [system, api] = [await bench.system(), await bench.api()]
  await writeFile(
    join(bench.folder, 'orders.http'),
    `### orders\nGET ${api.url}orders\nAuthorization: Bearer {{$processEnv ACCESS_TOKEN}}\n`,
  )
  return { system, api }
}

test.skipIf(skip)('httpyac takes the token from its environment, and prints the body alone', async () => {
  const { system, api } = await start()
  const line = `catchd exec gw -- "${HTTPYAC}" send orders.http --all --output body`
  const { exitCode, stdout, stderr } = await bench.shell(line, system.env)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toContain('ok')
  expect(stdout).not.toContain(await system.token())
  expect(api.seen).toEqual([`Bearer ${await system.token()}`])
})

test.skipIf(skip)('without a login httpyac is not even started', async () => {
  const { system, api } = await start()
  await system.daemon.api('DELETE', '/v1/tokens/gw')
  const { exitCode, stderr } = await bench.shell(
    `catchd exec gw -- "${HTTPYAC}" send orders.http --all`,
    system.env,
  )
  expect(exitCode).toBe(3)
  expect(stderr).toContain('→ catchd login gw')
  expect(api.seen).toEqual([])
})
