/**
 * Client authentication for requests to the authorization server (RFC 6749 §2.3, RFC 7591 §2): with a secret, a signed
 * assertion (RFC 7523 §2.2, OpenID Connect Core §9) or TLS (RFC 8705 §2.1).
 *
 * client-key.ts reads the client's key and certificate. server-fetch.ts uses the certificate for the connection, so for
 * `tls_client_auth` this file sends only the client_id.
 */
import type { ClientAuth, ModifyAssertionFunction } from 'oauth4webapi'
import type { Profile } from '../config/profile.js'
import { setSecretCommand } from '../config/secret-source.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { signingKey } from './client-key.js'

/**
 * Assertions name the `issuer` of the profile as their audience, and the token endpoint where the profile has none.
 * They have no `kid`: servers try all keys that are registered for the client. A derived `kid` (RFC 7638) would be
 * refused by a server at which the key is registered with another one.
 *
 * @throws CatchdError `profile_invalid` if the method needs a secret and the profile has none. The returned function
 *   throws the same for a key file that cannot be used
 */
export function clientAuthentication(profile: Profile, secret: Secret | undefined): ClientAuth {
  switch (profile.token_endpoint_auth_method) {
    case 'none':
    case 'tls_client_auth':
      return (_server, client, body) => void body.set('client_id', client.client_id)
    case 'client_secret_post':
      return (_server, client, body) => {
        body.set('client_id', client.client_id)
        body.set('client_secret', required(profile, secret).reveal())
      }
    case 'client_secret_basic':
      return (_server, client, _body, headers) => {
        // RFC 6749 §2.3.1 form-encodes both parts, but some servers expect them without encoding.
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
  }
}

function formEncode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

function required(profile: Profile, secret: Secret | undefined): Secret {
  if (secret !== undefined) return secret
  throw new CatchdError('profile_invalid', {
    detail: `${profile.token_endpoint_auth_method} needs a client_secret, but the profile has none.`,
    next: setSecretCommand('{profile}'),
  })
}

/**
 * Follows what servers expect. Without an issuer the server's name is unknown, so the audience is its token endpoint
 * (RFC 7523 §3). Most servers know Ed25519 only by its older name (RFC 8037 §3.1, RFC 9864 §2.2).
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
