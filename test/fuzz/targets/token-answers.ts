/** Answers of a token endpoint and of a device authorization endpoint, for every grant, through the whole daemon. */
import fc from 'fast-check'
import { DEVICE_CODE, TOKEN_EXCHANGE } from '../../../src/config/grants.js'
import { exchange } from '../../support/http-client.js'
import { type FuzzedDaemon, outcomeOf, startDaemon } from '../daemon.js'
import { type HostileAnswer, HostileServer, hostileAnswer } from '../hostile-server.js'
import { mutatedJson, mutatedText } from '../mutations.js'
import { canary, type FuzzTarget, type Observed } from '../target.js'

const ISSUED = {
  access_token: 'at-1',
  token_type: 'Bearer',
  expires_in: 3600,
  refresh_token: canary('issued'),
  refresh_expires_in: 86400,
  scope: 'email',
  extra: { nested: [1, 'x'] },
}
const REFUSED = {
  error: 'invalid_grant',
  error_description: 'The code ECHO_SECRET is used.',
  error_uri: 'http://x/',
}
const ECHOING = { error: 'invalid_client', error_description: 'ECHO_AUTHORIZATION', sent: 'ECHO_BODY' }
const DEVICE = {
  device_code: canary('device'),
  user_code: 'WDJB-MJHT',
  verification_uri: 'http://127.0.0.1:1/device',
  verification_uri_complete: 'http://127.0.0.1:1/device?user_code=WDJB-MJHT',
  expires_in: 600,
  interval: 5,
}
const FORM = 'access_token=at-1&token_type=bearer&expires_in=3600&refresh_token=rt'

interface Input {
  readonly grant: 'code' | 'refresh' | 'machine' | 'exchange' | 'device' | 'device authorization'
  readonly answer: HostileAnswer
}

const tokens = fc.oneof(
  { weight: 6, arbitrary: hostileAnswer(mutatedJson(ISSUED)) },
  { weight: 2, arbitrary: hostileAnswer(mutatedJson(REFUSED, ECHOING), { status: 400 }) },
  {
    weight: 1,
    arbitrary: hostileAnswer(mutatedText(FORM), { contentType: 'application/x-www-form-urlencoded' }),
  },
)
const input: fc.Arbitrary<Input> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      grant: fc.constantFrom('code', 'refresh', 'machine', 'exchange', 'device'),
      answer: tokens,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      grant: fc.constant('device authorization'),
      answer: hostileAnswer(mutatedJson(DEVICE)),
    }),
  },
)

export const tokenAnswers: FuzzTarget<Input> = {
  name: 'token-answers',
  weight: 2,
  arbitrary: input,
  async start() {
    const server = await new HostileServer().start()
    const client = {
      client_id: 'catchd',
      client_secret: canary('client-secret'),
      token_endpoint: `${server.base}/token`,
      scope: 'email',
    }
    const daemon = await startDaemon({
      profiles: {
        code: {
          ...client,
          authorization_endpoint: `${server.base}/authorize`,
          redirect_uri: 'http://127.0.0.1:0/cb',
        },
        machine: { ...client, grant: 'client_credentials', token_endpoint_auth_method: 'client_secret_post' },
        exchange: { ...client, grant: TOKEN_EXCHANGE, subject_token: { profile: 'code' } },
        device: { ...client, grant: DEVICE_CODE, device_authorization_endpoint: `${server.base}/device` },
      },
    })
    return {
      run: (mutant) => runOne(daemon, server, mutant),
      async stop() {
        await daemon.stop()
        await server.stop()
      },
    }
  },
}

async function runOne(
  daemon: FuzzedDaemon,
  server: HostileServer,
  { grant, answer }: Input,
): Promise<Observed> {
  const shown: string[] = []
  server.serve('/token', ISSUED)
  server.serve('/device', DEVICE)
  if (grant === 'refresh' || grant === 'exchange') await logIn(daemon, 'code')
  server.answers.set(grant === 'device authorization' ? '/device' : '/token', answer)
  server.takeSent()
  const profile = grant === 'refresh' ? 'code' : grant === 'device authorization' ? 'device' : grant
  let outcome: string
  if (grant === 'code' || profile === 'device') outcome = await logIn(daemon, profile, shown)
  else {
    const path = grant === 'refresh' ? `/v1/tokens/${profile}/refresh` : `/v1/tokens/${profile}`
    const answered = await daemon.call(grant === 'refresh' ? 'POST' : 'GET', path)
    outcome = outcomeOf(answered)
    if (outcome !== 'ok') shown.push(answered.body)
  }
  // One odd record must not spoil a list. That of logins also has those of earlier mutants, so its text is not looked at.
  const listed = await daemon.call('GET', '/v1/profiles')
  const logins = await daemon.call('GET', `/v1/logins?profile=${profile}`)
  if (logins.status === 500) outcome = 'internal'
  server.serve('/token', ISSUED)
  const removed = await daemon.call('DELETE', `/v1/tokens/${profile}`)
  if (profile === 'exchange') await daemon.call('DELETE', '/v1/tokens/code')
  shown.push(listed.body, removed.body)
  return { outcome, shown: [...shown, ...daemon.takeLog()], secrets: server.takeSent() }
}

/** @returns `ok` or the code of the failure */
async function logIn(daemon: FuzzedDaemon, profile: string, shown: string[] = []): Promise<string> {
  const begun = await daemon.call('POST', '/v1/logins', { profile })
  if (begun.status !== 201) {
    shown.push(begun.body)
    return outcomeOf(begun)
  }
  const { login_id, authorization_url, redirect_uri } = JSON.parse(begun.body) as Record<string, string>
  if (profile === 'device') await daemon.clock.pass(5_000)
  else {
    const state = new URL(authorization_url ?? '').searchParams.get('state') ?? ''
    const response = `${redirect_uri}?code=${canary('code')}&state=${state}`
    const { headers } = await exchange(response)
    const page = await exchange(new URL(headers.location ?? '/', redirect_uri).href)
    shown.push(page.body)
  }
  const wait = profile === 'device' ? '' : '?wait=5'
  const { body } = await daemon.call('GET', `/v1/logins/${login_id}${wait}`)
  shown.push(body)
  const { status } = JSON.parse(body) as { status: string }
  await daemon.call('DELETE', `/v1/logins/${login_id}`)
  return status === 'succeeded' ? 'ok' : (/"code":"(\w+)"/.exec(body)?.[1] ?? status)
}
