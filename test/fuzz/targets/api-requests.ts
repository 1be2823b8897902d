/** Requests to every route of the API, as bytes: mutated paths, queries, headers and bodies. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { TOKEN_EXCHANGE } from '../../../src/config/grants.js'
import { startDaemon } from '../daemon.js'
import { mutatedJson, mutatedText } from '../mutations.js'
import { sendRaw, statusOf } from '../raw-request.js'
import { canary, type FuzzTarget } from '../target.js'

const SERVER = 'http://127.0.0.1:1'
const PROFILE = {
  ...{
    client_id: 'catchd',
    authorization_endpoint: `${SERVER}/a`,
    token_endpoint: `${SERVER}/t`,
    scope: 'email',
  },
  ...{ redirect_uri: 'http://127.0.0.1:0/cb', min_ttl_seconds: 60, hosts: ['git.example.com'], dpop: false },
  ...{
    resource: [`${SERVER}/r`],
    authorization_parameters: { prompt: 'consent' },
    token_parameters: { a: '{scope}' },
  },
  token_response: { pointers: { access_token: '/a/b' }, expires_in_unit: 'ms', dead_refresh_token: ['x'] },
}
/** A valid body for each route that takes one. */
const BODIES: Readonly<Record<string, readonly object[]>> = {
  'POST /v1/tokens/{profile}/proof': [{ method: 'GET', url: `${SERVER}/x`, nonce: 'n' }],
  'POST /v1/logins': [
    { profile: 'gw', open: true, timeout: 60 },
    { profile: 'gw', state: 'a-state-of-its-own-1', code_verifier: 'v'.repeat(43) },
    { redirect_uri: 'http://127.0.0.1:0/cb', state: 'a-state-of-its-own-1', timeout: 60 },
  ],
  'POST /v1/logins/{id}/response': [{ url: 'http://127.0.0.1:8252/cb?code=c&state=s' }],
  'POST /v1/profiles': [
    { url: `${SERVER}/mcp`, profile: 'p', client_id: 'c', scope: 's', register_again: true },
  ],
  'PUT /v1/profiles/{profile}': [
    PROFILE,
    { ...PROFILE, client_secret: canary('client-secret'), token_endpoint_auth_method: 'client_secret_jwt' },
    { preset: 'github', client_id: 'x', client_secret: { env: 'NO_SUCH_VARIABLE' } },
    { extends: 'gw', scope: 'x' },
    {
      client_id: 'x',
      token_endpoint: `${SERVER}/t`,
      grant: TOKEN_EXCHANGE,
      subject_token: { profile: 'gw' },
    },
  ],
  'POST /v1/clients': [{ client: 'tool', profiles: ['gw'], actions: ['token'], expires_in: 3600 }],
  'POST /v1/vault/migrate': [{ to: 'memory' }],
}
const QUERIES = ['min_ttl=60', 'login=auto&wait=0', 'profile=gw', 'wait=0', 'min_ttl=60&login=never']
const HEADERS =
  'Host: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nAccept: application/json\r\n'

type OpenApi = { readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>> }
const { paths } = JSON.parse(
  readFileSync(new URL('../../../schema/openapi.json', import.meta.url), 'utf8'),
) as OpenApi
const routes = Object.entries(paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
)

const usually = (value: string, mutated: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: mutated })
const request = fc.constantFrom(...routes).chain((route) => {
  const [method = '', path = ''] = route.split(' ')
  return fc
    .record({
      name: usually('gw', mutatedText('gw', 'p', 'login-1', '%2e%2e', '__proto__')),
      query: usually('', mutatedText(...QUERIES)),
      headers: usually(HEADERS, mutatedText(HEADERS)),
      body: BODIES[route] === undefined ? usually('', mutatedJson({})) : mutatedJson(...BODIES[route]),
    })
    .map(({ name, query, headers, body }) => {
      const target = `${path.replace(/\{\w+\}/, () => name)}${query === '' ? '' : `?${query}`}`
      const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
      return `${method} ${target} HTTP/1.1\r\n${headers}${length}\r\n${body}`
    })
})

export const apiRequests: FuzzTarget<string> = {
  name: 'api-requests',
  weight: 3,
  arbitrary: fc.oneof(
    { weight: 9, arbitrary: request },
    { weight: 1, arbitrary: request.chain((text) => mutatedText(text)) },
  ),
  async start() {
    const daemon = await startDaemon({ profiles: { gw: PROFILE } })
    return {
      async run(request) {
        const answered = await sendRaw({ path: daemon.folders.socketPath }, Buffer.from(request))
        const shown = [answered]
        // What it changed is listed, and goes.
        if (/^(PUT|POST|DELETE) \/v1\/(profiles|clients)/.test(request)) {
          for (const kind of ['profile', 'client']) {
            const { body } = await daemon.call('GET', `/v1/${kind}s`)
            shown.push(body)
            for (const [, name] of body.matchAll(new RegExp(`"${kind}":"([^"]+)"`, 'g'))) {
              await daemon.call('DELETE', `/v1/${kind}s/${encodeURIComponent(name ?? '')}`)
            }
          }
          await daemon.call('PUT', '/v1/profiles/gw', PROFILE)
        }
        for (const { id } of daemon.services.logins.pendingOf('gw'))
          await daemon.call('DELETE', `/v1/logins/${id}`)
        // The authorization URL and the key of a new client are for the caller.
        return { outcome: statusOf(answered), shown: [...shown, ...daemon.takeLog()] }
      },
      stop: () => daemon.stop(),
    }
  },
}
