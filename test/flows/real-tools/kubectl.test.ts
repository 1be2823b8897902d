/** kubectl with catchd as its exec credential plugin, against an https API that wants the token. */
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCertificates } from '../../support/certificates.js'
import { isKubectl, needs } from '../../support/needs.js'
import { ToolBench } from '../../support/tool-system.js'

const bench = new ToolBench()

const VERSION = { major: '1', minor: '30', gitVersion: 'v1.30.0' }
const UNAUTHORIZED = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'Unauthorized',
  code: 401,
}

interface Exec {
  readonly apiVersion: string
  readonly args?: readonly string[]
  readonly more?: object
}

/**
 * @param profile - More of the profile, once the cluster's address is known.
 * @param accepts - Which tokens the cluster takes.
 */
async function start(
  {
    apiVersion,
    args = ['credential', '--profile', 'gw', 'kubectl'],
    more = { interactiveMode: 'IfAvailable' },
  }: Exec,
  profile: (host: string) => object = () => ({}),
  accepts: 'first' | 'later' | 'none' = 'first',
) {
  const { caFile, key, cert } = makeCertificates(bench.folder)
  const seen: (string | undefined)[] = []
  let isGood: (authorization: string | undefined) => boolean = () => true
  const port = await bench.listen(
    createServer({ key, cert }, (request, response) => {
      seen.push(request.headers.authorization)
      const isTaken = isGood(request.headers.authorization)
      response.writeHead(isTaken ? 200 : 401, { 'content-type': 'application/json' })
      response.end(JSON.stringify(isTaken ? VERSION : UNAUTHORIZED))
    }),
  )
  const host = `127.0.0.1:${port}`
  const system = await bench.system({ profile: profile(host) })
  const first = `Bearer ${await system.token()}`
  isGood =
    accepts === 'first'
      ? (sent) => sent === first
      : accepts === 'later'
        ? (sent) => sent !== first
        : () => false
  const kubeconfig = join(bench.folder, 'kubeconfig')
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: `https://${host}`, 'certificate-authority': caFile } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user: { exec: { apiVersion, command: 'catchd', args, ...more } } }],
    }),
  )
  const env = { ...system.env, KUBECONFIG: kubeconfig }
  return { system, seen, kubectl: (line: string) => bench.shell(`kubectl ${line}`, env) }
}

/** Older ones know the beta alone. */
const V1 = 'client.authentication.k8s.io/v1'
const V1_BETA = 'client.authentication.k8s.io/v1beta1'

const skip = needs('kubectl') !== undefined
const versions = [V1_BETA, ...(!skip && isKubectl(1, 22) ? [V1] : [])]
test.skipIf(skip).each(versions)('%s: the token reaches the API server', async (apiVersion) => {
  const { system, seen, kubectl } = await start({ apiVersion })
  const { stdout, stderr } = await kubectl('get --raw /version')
  expect({ answer: JSON.parse(stdout || '{}'), stderr }).toEqual({ answer: VERSION, stderr: '' })
  expect(new Set(seen)).toEqual(new Set([`Bearer ${await system.token()}`]))
})

test.skipIf(skip)(
  'without --profile the cluster finds it, where kubectl is told to name the cluster',
  async () => {
    const exec = { apiVersion: V1_BETA, args: ['credential', 'kubectl'] }
    const { kubectl } = await start(
      { ...exec, more: { interactiveMode: 'Never', provideClusterInfo: true } },
      (host) => ({ hosts: [host] }),
    )
    expect(await kubectl('get --raw /version')).toMatchObject({ exitCode: 0, stderr: '' })
  },
)

test.skipIf(skip)('without a login kubectl fails and shows what to run', async () => {
  const { system, seen, kubectl } = await start({ apiVersion: V1_BETA })
  await system.daemon.api('DELETE', '/v1/tokens/gw')
  const { exitCode, stderr } = await kubectl('get --raw /version')
  expect(exitCode).toBe(1)
  expect(stderr).toContain('→ catchd login gw')
  expect(stderr).toContain('executable catchd failed with exit code 3')
  expect(seen).toEqual([])
})

test.skipIf(skip)("a token that the cluster refuses is kubectl's own error", async () => {
  const { system, kubectl } = await start({ apiVersion: V1_BETA })
  await system.daemon.api('POST', '/v1/tokens/gw/refresh')
  const { exitCode, stderr } = await kubectl('get --raw /version')
  expect(exitCode).toBe(1)
  expect(stderr).toContain('You must be logged in to the server')
})

test.skipIf(skip)('a token that the cluster forgot is renewed for the next command', async () => {
  const { system, kubectl } = await start({ apiVersion: V1_BETA }, undefined, 'later')
  const old = await system.token()
  await kubectl('get --raw /version') // the kubectl of Google's SDK asks twice, so this one may already succeed
  expect(await system.token()).not.toBe(old)
  expect(await kubectl('get --raw /version')).toMatchObject({ exitCode: 0, stderr: '' })
})

test.skipIf(skip)(
  'a cluster that takes no token gets three of them, however often kubectl asks',
  async () => {
    const { seen, kubectl } = await start({ apiVersion: V1_BETA }, undefined, 'none')
    await kubectl('get --raw /version; for i in 1 2 3; do kubectl get --raw /version; done')
    expect(new Set(seen.filter((sent) => sent !== undefined)).size).toBe(3)
  },
)

test.skipIf(skip)('a loop of commands refreshes nothing while the token is good', async () => {
  const { system, seen, kubectl } = await start({ apiVersion: V1_BETA })
  await kubectl('get --raw /version; for i in 1 2 3; do kubectl get --raw /version; done')
  expect(new Set(seen.filter((sent) => sent !== undefined))).toEqual(
    new Set([`Bearer ${await system.token()}`]),
  )
})
