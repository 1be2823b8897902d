/**
 * Client authentication wherever a client speaks to its authorization server itself (RFC 6749 §2.3, RFC 7591 §2):
 * by secret, by a signed assertion (RFC 7523 §2.2, OpenID Connect Core §9) or by TLS (RFC 8705 §2.1).
 *
 * Reading the client's key and certificate is client-key.ts; the certificate goes along with the connection
 * (server-fetch.ts), so that all that is left of `tls_client_auth` here is the client_id.
 */
import type { ClientAuth, ModifyAssertionFunction } from 'oauth4webapi'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { signingKey } from './client-key.js'

/**
 * Assertions name the `issuer` of the profile as their audience, and the token endpoint where the profile has none.
 * They carry no `kid`: servers try the keys that were registered for the client, while an identifier that we derived
 * (RFC 7638) would be refused by every server at which the key was registered under another one.
 *
 * @throws CatchdError `profile_invalid` when the method needs a secret that the profile has not; the returned
 *   function throws the same for a key file that cannot be used
 */
export function clientAuthentication(profile: Profile, secret: Secret | undefined): ClientAuth {
  switch (profile.token_endpoint_auth_method) {
    case 'none':
      return (_server, client, body) => void body.set('client_id', client.client_id)
    case 'client_secret_post':
      return (_server, client, body) => {
        body.set('client_id', client.client_id)
        body.set('client_secret', required(profile, secret).reveal())
      }
    case 'client_secret_basic':
      return (_server, client, _body, headers) => {
        // RFC 6749 §2.3.1 form-encodes both parts first; some servers compare them as they are.
        const encode = profile.client_secret_basic_encoding === 'raw' ? (text: string) => text : formEncode
        const pair = `${encode(client.client_id)}:${encode(required(profile, secret).reveal())}`
        headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`)
      }
    case 'client_secret_jwt':
      return async (server, client, body, headers) => {
        const oauth = await import('oauth4webapi')
        const options = { [oauth.modifyAssertion]: usual(profile, undefined) }
        const sign = oauth.ClientSecretJwt(required(profile, secret).reveal(), options)
        await sign(server, client, body, headers)
      }
    case 'private_key_jwt':
      return async (server, client, body, headers) => {
        const oauth = await import('oauth4webapi')
        const accepted = server.token_endpoint_auth_signing_alg_values_supported
        const key = await signingKey(profile, accepted)
        const sign = oauth.PrivateKeyJwt(key, { [oauth.modifyAssertion]: usual(profile, accepted) })
        await sign(server, client, body, headers)
      }
    case 'tls_client_auth':
      return (_server, client, body) => void body.set('client_id', client.client_id)
  }
}

function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

function required(profile: Profile, secret: Secret | undefined): Secret {
  if (secret !== undefined) return secret
  throw new CatchdError('profile_invalid', {
    profile: profile.name,
    detail: `${profile.token_endpoint_auth_method} needs a client_secret, and the profile has none.`,
    next: `catchd profile add ${profile.name} --client-secret-stdin`,
  })
}

/**
 * What servers expect: without an issuer nobody knows what the server calls itself, and RFC 7523 §3 names its token
 * endpoint; and most know Ed25519 by its older name (RFC 8037 §3.1, RFC 9864 §2.2).
 */
function usual(
  { issuer, token_endpoint }: Profile,
  accepted: readonly string[] = ['EdDSA'],
): ModifyAssertionFunction {
  return (header, payload) => {
    if (issuer === undefined && token_endpoint !== undefined) payload['aud'] = token_endpoint
    if (header['alg'] === 'Ed25519' && accepted.includes('EdDSA')) header['alg'] = 'EdDSA'
  }
}
