/**
 * AWS's own command line with the credentials of a role: catchd exchanges the token for them (`credential_process`), or
 * the command line does, with the token in a file (web identity). The Security Token Service is a stub on loopback.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isAwsWithEndpoints, needs } from '../../support/needs.js'
import { STS_KEY, startStsStub, stsError } from '../../support/sts-stub.js'
import { ToolBench } from '../../support/tool-system.js'

const bench = new ToolBench()
const skip = needs('aws') !== undefined
const canStayHere = !skip && isAwsWithEndpoints()

const ROLE = 'arn:aws:iam::123456789012:role/deploy'
const IDENTITY = { Account: '123456789012', Arn: 'arn:aws:sts::123456789012:assumed-role/deploy/catchd-gw' }

async function start() {
  const good = new Set<string>()
  const sts = await startStsStub((token) => good.has(token))
  bench.after(() => sts.close())
  const system = await bench.system()
  good.add(await system.token())
  const env = { ...system.env, AWS_ENDPOINT_URL_STS: sts.url, AWS_PAGER: '' }
  const configure = async (lines: readonly string[]) => {
    await mkdir(join(bench.folder, '.aws'))
    await writeFile(
      join(bench.folder, '.aws', 'config'),
      `[profile deploy]\nregion = ${sts.region}\n${lines.join('\n')}\n`,
    )
  }
  const identity = `aws --profile deploy --endpoint-url ${sts.url} sts get-caller-identity --output json`
  return { good, sts, system, configure, identity, shell: (line: string) => bench.shell(line, env) }
}

const PROCESS = `credential_process = catchd credential --profile gw aws --role-arn ${ROLE}`

test.skipIf(skip)('credential_process: the role is assumed with the token', async () => {
  const { sts, system, configure, identity, shell } = await start()
  await configure([PROCESS])
  const { stdout, stderr } = await shell(identity)
  expect({ answer: JSON.parse(stdout || '{}'), stderr }).toMatchObject({ answer: IDENTITY, stderr: '' })
  expect(sts.requests.map((form) => form.get('WebIdentityToken'))).toEqual([await system.token()])
  expect(sts.signedWith).toEqual([STS_KEY])
})

test.skipIf(skip)('the answer is in the form that every AWS program reads', async () => {
  const { shell } = await start()
  const { stdout } = await shell(`catchd credential --profile gw aws --role-arn ${ROLE} --duration 900`)
  const answer = JSON.parse(stdout)
  expect(Object.keys(answer)).toEqual([
    'Version',
    'AccessKeyId',
    'SecretAccessKey',
    'SessionToken',
    'Expiration',
  ])
  expect(answer.Version).toBe(1)
  expect(answer.Expiration).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
})

test.skipIf(skip).each([
  [
    'no login',
    (s: Awaited<ReturnType<typeof start>>) => s.system.daemon.api('DELETE', '/v1/tokens/gw'),
    '→ catchd login gw',
  ],
  [
    'a refusal of STS',
    async ({ sts }: Awaited<ReturnType<typeof start>>) =>
      sts.answerNext(403, stsError('AccessDenied', 'Not authorized')),
    'the server said AccessDenied: Not authorized',
  ],
])('credential_process: %s is shown as catchd says it', async (_what, spoil, said) => {
  const started = await start()
  await started.configure([PROCESS])
  await spoil(started)
  const { exitCode, stdout, stderr } = await started.shell(started.identity)
  expect({ exitCode, stdout }).toEqual({ exitCode: 255, stdout: '' })
  expect(stderr).toContain('Error when retrieving credentials from custom-process')
  expect(stderr).toContain(said)
})

if (canStayHere) {
  test('web identity: the token is read from a file that catchd keeps', async () => {
    const { sts, system, configure, identity, shell } = await start()
    const file = join(bench.folder, 'gw.token')
    await configure([`web_identity_token_file = ${file}`, `role_arn = ${ROLE}`, 'role_session_name = ada'])
    const without = await shell(identity)
    expect(without.exitCode).not.toBe(0)
    const { stdout, stderr } = await shell(`catchd keep gw --file ${file} -- ${identity}`)
    expect({ answer: JSON.parse(stdout || '{}'), stderr }).toMatchObject({ answer: IDENTITY, stderr: '' })
    const [sent] = sts.requests
    expect([sent?.get('WebIdentityToken'), sent?.get('RoleSessionName')]).toEqual([
      await system.token(),
      'ada',
    ])
  })
}
