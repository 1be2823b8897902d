/** What a server signs or says about a token: id_token, JARM, introspection, UserInfo, and the keys for the signature. */
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { OAuthAuthorizationServers } from '../../../src/authorization-server/authorization-servers.js'
import { systemClock } from '../../../src/clock.js'
import { asCatchdError, toProblem } from '../../../src/failures.js'
import { Secret } from '../../../src/secret.js'
import { testProfile } from '../../support/fake-authorization-servers.js'
import { HostileServer, hostileAnswer } from '../hostile-server.js'
import { mutatedJson, mutatedText } from '../mutations.js'
import { canary, type FuzzTarget } from '../target.js'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const JWKS = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }] }
const HEADER = { alg: 'ES256', kid: 'k', typ: 'JWT' }
const LATER = Math.floor(Date.now() / 1000) + 86_400
/** `ISSUER` is replaced by the server's. */
const CLAIMS = {
  iss: 'ISSUER',
  aud: 'client-1',
  sub: 'alice',
  nonce: 'n-1',
  iat: LATER - 86_400,
  exp: LATER,
  azp: 'client-1',
}
const RESPONSE = { iss: 'ISSUER', aud: 'client-1', exp: LATER, code: canary('code'), state: 's-1' }
const INTROSPECTION = {
  active: true,
  scope: 'email',
  exp: LATER,
  token: 'ECHO_BODY',
  aud: ['x', { y: 'ECHO_AUTHORIZATION' }],
}
const USERINFO = {
  sub: 'alice',
  name: 'Alice',
  echo: 'ECHO_AUTHORIZATION',
  more: { access_token: 'ECHO_AUTHORIZATION' },
}

const usually = <Value>(value: Value, others: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: others })
const input = fc.record({
  kind: fc.constantFrom('id_token' as const, 'id_token' as const, 'jarm' as const, 'inspection' as const),
  header: usually(
    JSON.stringify(HEADER),
    mutatedJson(
      HEADER,
      { alg: 'none' },
      { alg: 'HS256', kid: 'k' },
      { ...HEADER, crit: ['b64'], b64: false },
    ),
  ),
  claims: mutatedJson(CLAIMS),
  response: mutatedJson(RESPONSE),
  signature: usually('key' as const, fc.constantFrom('none' as const, 'HS256' as const, 'damaged' as const)),
  /** Edits of the finished token. */
  token: usually('', mutatedText('x.y.z', 'a.b.c.d.e')),
  keys: usually(null, hostileAnswer(mutatedJson(JWKS))),
  introspection: hostileAnswer(mutatedJson(INTROSPECTION)),
  userinfo: hostileAnswer(mutatedJson(USERINFO)),
})
type Input = typeof input extends fc.Arbitrary<infer Value> ? Value : never

/** A vault without items. */
const NOTHING_STORED = { get: async () => undefined, set: async () => {}, delete: async () => {} }

export const signedTokens: FuzzTarget<Input> = {
  name: 'signed-tokens',
  weight: 2,
  arbitrary: input,
  async start() {
    const server = await new HostileServer().start()
    const profile = testProfile({
      issuer: server.base,
      authorization_endpoint: `${server.base}/authorize`,
      token_endpoint: `${server.base}/token`,
      introspection_endpoint: `${server.base}/introspection`,
      userinfo_endpoint: `${server.base}/userinfo`,
      jwks_uri: `${server.base}/keys`,
      scope: 'openid',
      client_secret: canary('client-secret'),
      token_endpoint_auth_method: 'client_secret_basic',
    })
    const issued = {
      ...{
        authorizationServer: server.base,
        clientId: profile.client_id,
        tokenType: 'Bearer',
        scope: 'openid',
      },
      ...{
        accessToken: new Secret(canary('access')),
        refreshToken: new Secret(canary('refresh')),
        idToken: null,
      },
      ...{ issuer: server.base, subject: 'alice' },
    }
    return {
      async run(mutant) {
        // Its caches of metadata and keys belong to one mutant.
        const servers = new OAuthAuthorizationServers({
          clock: systemClock,
          clientSecrets: async () => new Secret(canary('client-secret')),
          dpopKeys: NOTHING_STORED,
          resourceIssuers: NOTHING_STORED,
        })
        server.serve('/keys', JWKS)
        if (mutant.keys !== null) server.answers.set('/keys', mutant.keys)
        const text = mutant.kind === 'jarm' ? mutant.response : mutant.claims
        const token = signed({ ...mutant, claims: text.replaceAll('ISSUER', server.base) })
        server.serve('/token', { access_token: 'at', token_type: 'Bearer', scope: 'openid', id_token: token })
        server.answers.set('/introspection', mutant.introspection)
        server.answers.set('/userinfo', mutant.userinfo)
        try {
          if (mutant.kind === 'inspection') {
            const inspection = await servers.inspect(profile, { ...issued, idToken: new Secret(token) })
            const { introspection, userinfo } = inspection
            const failures = [introspection, userinfo].flatMap((report) =>
              'error' in report ? [toProblem(report.error)] : [],
            )
            const outcome = failures[0]?.code ?? 'ok'
            return { outcome, shown: [JSON.stringify(inspection), JSON.stringify(failures)] }
          }
          const grant = {
            ...{
              code: new Secret(canary('code')),
              codeVerifier: new Secret(canary('verifier')),
              nonce: new Secret('n-1'),
            },
            redirectUri: profile.redirect_uri,
          }
          const isJarm = mutant.kind === 'jarm'
          await servers.redeem(
            isJarm ? { ...profile, response_mode: 'query.jwt', scope: 'email' } : profile,
            isJarm ? { ...grant, nonce: null, signedResponse: new Secret(token) } : grant,
          )
          return { outcome: 'ok', shown: [] }
        } catch (error) {
          const failure = asCatchdError(error)
          return { outcome: failure.code, shown: [JSON.stringify(toProblem(failure)), String(failure.stack)] }
        } finally {
          servers.close()
        }
      },
      stop: () => server.stop(),
    }
  },
}

function signed({
  header,
  claims,
  signature,
  token,
}: Pick<Input, 'header' | 'claims' | 'signature' | 'token'>): string {
  const content = [header, claims].map((part) => Buffer.from(part).toString('base64url')).join('.')
  const bytes = {
    key: () => sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    none: () => Buffer.alloc(0),
    HS256: () => createHmac('sha256', JSON.stringify(JWKS.keys[0])).update(content).digest(),
    damaged: () => Buffer.alloc(64, 7),
  }[signature]()
  const whole = `${content}.${bytes.toString('base64url')}`
  return token === '' ? whole : `${whole.slice(0, -5)}${token}`
}
