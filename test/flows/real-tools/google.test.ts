/**
 * Google's own libraries: google-auth-library for Node.js, which has external accounts, and the distribution's
 * google-auth for Python, which is older than they are and takes the token itself.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { FEDERATED_TOKEN, startGoogleSts } from '../../support/google-sts.js'
import { needsPython, SYSTEM_PYTHON } from '../../support/needs.js'
import { ToolBench, type ToolSystem } from '../../support/tool-system.js'

const bench = new ToolBench()
const LIBRARY = pathToFileURL(
  join(import.meta.dirname, '../../../node_modules/google-auth-library/build/src/index.js'),
)

async function start() {
  const good = new Set<string>()
  const sts = await startGoogleSts(bench, (token) => good.has(token))
  const system = await bench.system()
  good.add(await system.token())
  return { good, sts, system }
}

/** A program that calls an API with what Google's library makes of a credential file. */
async function call(system: ToolSystem, tokenUrl: string, credentialSource: object) {
  const api = await bench.api()
  const file = join(bench.folder, 'credentials.json')
  await writeFile(
    file,
    JSON.stringify({
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/catchd',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: tokenUrl,
      credential_source: credentialSource,
    }),
  )
  const program = join(bench.folder, 'program.mjs')
  await writeFile(
    program,
    `import google from ${JSON.stringify(LIBRARY.href)}
    const auth = new google.GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' })
    const client = await auth.getClient()
    try { console.log((await client.request({ url: ${JSON.stringify(api.url)}, responseType: 'text' })).data) }
    catch (error) { console.error(error.message); process.exitCode = 1 }`,
  )
  const env = {
    ...system.env,
    GOOGLE_APPLICATION_CREDENTIALS: file,
    GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES: '1',
    GOOGLE_CLOUD_PROJECT: 'p', // otherwise it asks Google for it
  }
  const finished = await bench.shell(`"${process.execPath}" "${program}"`, env)
  return { ...finished, seen: api.seen }
}

const EXECUTABLE = { executable: { command: 'catchd credential --profile gw gcp', timeout_millis: 30_000 } }

const fromUrl = (system: ToolSystem, key: string) => ({
  url: `http://127.0.0.1:${system.daemon.apiPort}/v1/tokens/gw`,
  headers: { Authorization: `Bearer ${key}` },
  format: { type: 'json', subject_token_field_name: 'access_token' },
})

test('an executable-sourced credential is exchanged for a token of Google', async () => {
  const { sts, system } = await start()
  const { stdout, stderr, seen } = await call(system, sts.url, EXECUTABLE)
  expect({ stdout, stderr }).toEqual({ stdout: 'ok\n', stderr: '' })
  expect(sts.requests.map((form) => form.get('subject_token'))).toEqual([await system.token()])
  expect(sts.requests[0]?.get('subject_token_type')).toBe('urn:ietf:params:oauth:token-type:jwt')
  expect(seen).toEqual([`Bearer ${FEDERATED_TOKEN}`])
})

test('a URL-sourced one, with a key that may do nothing else', async () => {
  const { sts, system } = await start()
  const { stdout, seen } = await call(system, sts.url, fromUrl(system, await system.key()))
  expect(stdout).toBe('ok\n')
  expect(sts.requests.map((form) => form.get('subject_token'))).toEqual([await system.token()])
  expect(seen).toEqual([`Bearer ${FEDERATED_TOKEN}`])
})

test('without a login the library says what to run', async () => {
  const { sts, system } = await start()
  await system.daemon.api('DELETE', '/v1/tokens/gw')
  const executable = await call(system, sts.url, EXECUTABLE)
  expect(executable.exitCode).toBe(1)
  expect(executable.stderr).toContain('catchd login gw')
  expect(sts.requests).toEqual([])
  expect(executable.seen).toEqual([])
})

test.skipIf(needsPython('google.auth', 'requests') !== undefined)(
  'google-auth for Python takes the token itself, and gets the next one from the daemon when it is due',
  async () => {
    const [system, api] = [await bench.system(), await bench.api()]
    const program = join(bench.folder, 'program.py')
    await writeFile(
      program,
      `import subprocess
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials

class FromCatchd(Credentials):
    def refresh(self, request):
        self.token = subprocess.check_output(["catchd", "token", "gw"], text=True).strip()

print(AuthorizedSession(FromCatchd(None)).get(${JSON.stringify(api.url)}).text)
`,
    )
    const { stdout, stderr } = await bench.shell(`${SYSTEM_PYTHON} ${program}`, system.env)
    expect({ stdout, stderr }).toEqual({ stdout: 'ok\n', stderr: '' })
    expect(api.seen).toEqual([`Bearer ${await system.token()}`])
  },
)
