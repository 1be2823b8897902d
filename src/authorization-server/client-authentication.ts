/** Client authentication at the token and revocation endpoints (RFC 6749 §2.3, RFC 7591 §2). */
import type { ClientAuth } from 'oauth4webapi'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'

/** What the schema of a profile knows and this version cannot do; said before a browser opens. */
export function requireSupported(profile: Profile): void {
  const { token_endpoint_auth_method: method, dpop, grant, name } = profile
  const missing = dpop ? 'dpop' : grant === DEVICE_CODE ? 'grant device_code' : undefined
  if (missing !== undefined) throw unsupported(name, missing)
  if (!SUPPORTED.has(method)) throw unsupported(name, `token_endpoint_auth_method ${method}`)
}

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'
const SUPPORTED: ReadonlySet<string> = new Set(['none', 'client_secret_basic', 'client_secret_post'])

function unsupported(profile: string, what: string): CatchdError {
  return new CatchdError('profile_invalid', { profile, detail: `${what} is not supported by this version.` })
}

/**
 * @throws CatchdError `profile_invalid` when the method needs a secret that the profile has not, or is not
 *   supported by this version
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
    default:
      throw unsupported(profile.name, `token_endpoint_auth_method ${profile.token_endpoint_auth_method}`)
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
