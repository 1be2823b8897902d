/** AWS's credential_process against a Security Token Service that answers as laid out. */
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { aws } from '../../../src/cli/credential/aws.js'
import type { CredentialRequest, FoundToken } from '../../../src/cli/credential/tool.js'
import { STS_SECRET, type StsStub, startStsStub, stsCredentials, stsError } from '../../support/sts-stub.js'

const ARN = 'arn:aws:iam::123456789012:role/team/deploy'
const EXPIRATION = '2026-11-25T04:00:00Z'

let sts: StsStub
let current = 'at-1'
let refused: string[] = []

beforeAll(async () => {
  sts = await startStsStub((token) => token.startsWith('at-'))
})
afterAll(() => sts.close())
afterEach(() => {
  current = 'at-1'
  refused = []
  sts.requests.length = 0
})

const lent = (): FoundToken => ({
  profile: 'gw',
  token: {
    access_token: current,
    token_type: 'Bearer',
    expires_in: 60,
    expires_at: EXPIRATION,
    scope: 'email',
    profile: 'gw',
    context: {},
  },
})

function ask(settings: Record<string, string>, environment: Record<string, string> = {}) {
  const request: CredentialRequest = {
    operation: 'get',
    input: '',
    environment,
    words: [],
    user: undefined,
    settings: { 'endpoint-url': sts.url, ...settings },
    tokens: {
      forHost: async () => undefined,
      ofProfile: async () => lent(),
      hosts: async () => new Map(),
      username: async () => 'oauth2',
      insteadOf: async (_profile, token) => {
        refused.push(token)
        current = 'at-2'
        return lent()
      },
    },
  }
  return aws.answer(request)
}

const sent = () => Object.fromEntries(sts.requests.at(-1) ?? [])

test('the token is exchanged for credentials in the form that AWS programs read', async () => {
  sts.answerNext(200, stsCredentials(EXPIRATION))
  const { stdout, exitCode } = await ask({ 'role-arn': ARN, duration: '900', 'session-name': 'ada@x' })
  expect({ answer: JSON.parse(stdout), exitCode }).toEqual({
    answer: {
      Version: 1,
      AccessKeyId: 'ASIAEXAMPLEKEY000001',
      SecretAccessKey: STS_SECRET,
      SessionToken: 'session-token==',
      Expiration: EXPIRATION,
    },
    exitCode: undefined,
  })
  expect(sent()).toEqual({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: ARN,
    RoleSessionName: 'ada@x',
    DurationSeconds: '900',
    WebIdentityToken: 'at-1',
  })
})

test("AWS's own variables do in place of options, and the session is named after the profile", async () => {
  await ask({}, { AWS_ROLE_ARN: ARN })
  expect(sent()).toMatchObject({ RoleArn: ARN, RoleSessionName: 'catchd-gw' })
  expect(sent()).not.toHaveProperty('DurationSeconds')
  await ask({ 'role-arn': ARN }, { AWS_ROLE_ARN: 'x', AWS_ROLE_SESSION_NAME: 'ci' })
  expect(sent()).toMatchObject({ RoleArn: ARN, RoleSessionName: 'ci' })
})

test.each(['ExpiredTokenException', 'InvalidIdentityToken'])(
  'a token that STS refuses with %s is renewed, and sent once more',
  async (code) => {
    sts.answerNext(400, stsError(code, 'Not this one'))
    expect((await ask({ 'role-arn': ARN })).stdout).toContain('ASIA')
    expect(refused).toEqual(['at-1'])
    expect(sts.requests.map((form) => form.get('WebIdentityToken'))).toEqual(['at-1', 'at-2'])
  },
)

test('expired twice is a refusal', async () => {
  sts.answerNext(400, stsError('ExpiredTokenException', 'Token expired'))
  sts.answerNext(400, stsError('ExpiredTokenException', 'Token expired'))
  await expect(ask({ 'role-arn': ARN })).rejects.toMatchObject({
    code: 'provider_refused',
    error: 'ExpiredTokenException',
  })
  expect(sts.requests).toHaveLength(2)
})

test("STS's refusal is told in its words, without the token", async () => {
  sts.answerNext(403, stsError('AccessDenied', 'Not authorized &lt;at-1&gt;'))
  await expect(ask({ 'role-arn': ARN })).rejects.toMatchObject({
    code: 'provider_refused',
    exitCode: 4,
    error: 'AccessDenied',
    errorDescription: 'Not authorized <…>',
  })
})

test.each([
  ['no XML', 200, 'Welcome'],
  ['another answer', 200, '<AssumeRoleResponse/>'],
  ['an element twice', 200, stsCredentials(EXPIRATION, '<AccessKeyId>ASIAEXAMPLEKEY000002</AccessKeyId>')],
  ['no instant', 200, stsCredentials('soon')],
  ['an element in place of a text', 200, stsCredentials('<a>2026-11-25T04:00:00Z</a>')],
  ['an open end', 200, stsCredentials(EXPIRATION).replace('</Credentials>', '')],
  ['a crossed end', 200, stsCredentials(EXPIRATION).replace('<SourceIdentity/>', '<a><b></a></b>')],
  ['two roots', 200, `${stsCredentials(EXPIRATION)}<a/>`],
  ['text around', 200, `${stsCredentials(EXPIRATION)}x`],
  ['a comment', 200, stsCredentials(EXPIRATION, '<!-- x -->')],
  ['CDATA', 200, stsCredentials(EXPIRATION, '<![CDATA[x]]>')],
  ['an unknown entity', 200, stsCredentials(EXPIRATION, '&x;')],
  ['a lone ampersand', 200, stsCredentials(EXPIRATION, 'x & y')],
  ['no character', 200, stsCredentials(EXPIRATION, '&#x110000;')],
  ['an attribute without quotes', 200, stsCredentials(EXPIRATION, '<a b=c/>')],
  ['depth without end', 200, '<a>'.repeat(100_000)],
  ['a page in place of an error', 403, '<html><Error><Code>x</Code></Error></html>'],
  ['an entity of its own', 200, `<!DOCTYPE x [<!ENTITY a "b">]>${stsCredentials(EXPIRATION)}`],
  ['an error that is none', 500, '<html><body>Bad gateway</body></html>'],
  ['a redirect', 302, ''],
])('%s is an answer that cannot be used', async (_what, status, text) => {
  sts.answerNext(status, text)
  await expect(ask({ 'role-arn': ARN })).rejects.toMatchObject({ code: 'provider_answer_invalid' })
})

test('whatever comes, it is credentials, a refusal, or an answer that cannot be used', async () => {
  const whole = stsCredentials(EXPIRATION)
  const piece = fc.constantFrom('<a>', '</a>', '<b/>', '&amp;', '&', '<', '>', ' ', 'x', '<?xml ?>', '"', '=')
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length), fc.array(piece), async (at, pieces) => {
      sts.answerNext(200, whole.slice(0, at) + pieces.join('') + whole.slice(at))
      const outcome = await ask({ 'role-arn': ARN }).catch((error: unknown) => error)
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'provider_answer_invalid' })
      else expect(JSON.parse((outcome as { stdout: string }).stdout)).toMatchObject({ Version: 1 })
    }),
  )
})

test('nobody there: unreachable', async () => {
  const gone = await startStsStub(() => true)
  await gone.close()
  await expect(ask({ 'role-arn': ARN, 'endpoint-url': gone.url })).rejects.toMatchObject({
    code: 'provider_unreachable',
    exitCode: 5,
  })
})

describe('what is not sent at all', () => {
  test.each<[string, Record<string, string>, string]>([
    ['no role', {}, '--role-arn'],
    ['a user, not a role', { 'role-arn': 'arn:aws:iam::123456789012:user/ada' }, '--role-arn'],
    ['too short', { 'role-arn': ARN, duration: '899' }, '--duration'],
    ['too long', { 'role-arn': ARN, duration: '43201' }, '--duration'],
    ['no session name', { 'role-arn': ARN, 'session-name': 'a b' }, '--session-name'],
    ['no region', { 'role-arn': ARN, region: 'evil.example/', 'endpoint-url': '' }, '--region'],
    ['plain http elsewhere', { 'role-arn': ARN, 'endpoint-url': 'http://sts.example/' }, '--endpoint-url'],
    ['no URL', { 'role-arn': ARN, 'endpoint-url': 'sts' }, '--endpoint-url'],
    [
      'China without a region',
      { 'role-arn': ARN.replace('aws', 'aws-cn'), 'endpoint-url': '' },
      'needs --region',
    ],
  ])('%s', async (_what, settings, said) => {
    await expect(ask(settings)).rejects.toMatchObject({
      code: 'request_invalid',
      detail: expect.stringContaining(said),
    })
    expect(sts.requests).toEqual([])
  })
})
