/** From a URL to a profile: challenges, resource metadata (RFC 9728), server metadata and registration answers. */
import fc from 'fast-check'
import { outcomeOf, startDaemon } from '../daemon.js'
import { HostileServer, hostileAnswer } from '../hostile-server.js'
import { mutatedJson, mutatedText } from '../mutations.js'
import { canary, type FuzzTarget } from '../target.js'

const CHALLENGE =
  'WWW-Authenticate: Bearer realm="x", scope="mcp read", resource_metadata="BASE/.well-known/oauth-protected-resource"'
const RESOURCE = {
  resource: 'BASE/mcp',
  authorization_servers: ['BASE'],
  scopes_supported: ['mcp', 'read'],
  dpop_bound_access_tokens_required: false,
}
const METADATA = {
  issuer: 'BASE',
  authorization_endpoint: 'BASE/authorize',
  token_endpoint: 'BASE/token',
  registration_endpoint: 'BASE/register',
  jwks_uri: 'BASE/keys',
  revocation_endpoint: 'BASE/revoke',
  mtls_endpoint_aliases: { token_endpoint: 'BASE/token' },
  scopes_supported: ['openid', 'offline_access'],
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'form_post'],
  grant_types_supported: ['authorization_code', 'refresh_token'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['none', 'client_secret_basic'],
  id_token_signing_alg_values_supported: ['ES256'],
  authorization_response_iss_parameter_supported: true,
}
const REGISTERED = {
  client_id: 'registered-1',
  client_secret: canary('registered-secret'),
  client_secret_expires_at: 0,
  registration_access_token: canary('registration-token'),
  registration_client_uri: 'BASE/register/1',
  token_endpoint_auth_method: 'client_secret_basic',
}

const sometimes = (arbitrary: fc.Arbitrary<string>, value: unknown) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(JSON.stringify(value)) }, { weight: 1, arbitrary })
const input = fc.record({
  challenge: fc.oneof(
    { weight: 2, arbitrary: fc.constant(CHALLENGE) },
    { weight: 1, arbitrary: mutatedText(CHALLENGE) },
  ),
  resource: hostileAnswer(sometimes(mutatedJson(RESOURCE), RESOURCE)),
  metadata: hostileAnswer(sometimes(mutatedJson(METADATA), METADATA)),
  registered: hostileAnswer(sometimes(mutatedJson(REGISTERED), REGISTERED), { status: 201 }),
})
type Input = typeof input extends fc.Arbitrary<infer Value> ? Value : never

export const discovery: FuzzTarget<Input> = {
  name: 'discovery',
  weight: 1,
  arbitrary: input,
  async start() {
    const server = await new HostileServer().start()
    const daemon = await startDaemon({ profiles: {} })
    return {
      async run(mutant) {
        server.answers.clear()
        daemon.clock.jump(86_400_000) // metadata is kept for a while
        const { base } = server
        const here = <Answer extends { body: string }>(answer: Answer): Answer => ({
          ...answer,
          body: answer.body.replaceAll('BASE', base),
        })
        const challenge = {
          ...here(mutant.resource),
          status: 401,
          header: mutant.challenge.replaceAll('BASE', base),
        }
        server.answers.set('/mcp', challenge)
        for (const path of [
          '/.well-known/oauth-protected-resource',
          '/.well-known/oauth-protected-resource/mcp',
        ]) {
          server.answers.set(path, here(mutant.resource))
        }
        for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
          server.answers.set(path, here(mutant.metadata))
        }
        server.answers.set('/register', here(mutant.registered))
        const made = await daemon.call('POST', '/v1/profiles', { url: `${base}/mcp`, profile: 'p' })
        const shown = [made.body]
        let outcome = outcomeOf(made)
        if (outcome === 'ok') {
          const begun = await daemon.call('POST', '/v1/logins', { profile: 'p' })
          const listed = await daemon.call('GET', '/v1/profiles')
          // Revokes, unregisters and removes it.
          const removed = await daemon.call('DELETE', '/v1/profiles/p')
          shown.push(begun.body, listed.body, removed.body)
          outcome = [begun, listed, removed].map(outcomeOf).find((code) => code !== 'ok') ?? 'ok'
        }
        return { outcome, shown: [...shown, ...daemon.takeLog()], secrets: server.takeSent() }
      },
      async stop() {
        await daemon.stop()
        await server.stop()
      },
    }
  },
}
