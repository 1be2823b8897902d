/**
 * The check against mix-up (RFC 9700 §4.4) for servers whose metadata names the endpoints. Pure.
 *
 * A malicious server could name the authorization endpoint of an honest server beside its own token endpoint, at the
 * registration or at any time later. The user would approve at the honest server as usual, and the code would go to the
 * malicious token endpoint. `iss` detects this. Without `iss`, the user must approve at the operator of the token
 * endpoint, or at the issuer itself, which then names a token endpoint of its choice.
 */
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { ServerMetadata } from './metadata-document.js'

/**
 * @param profile - `undefined` before there is one. Endpoints that a profile itself names were chosen by its owner.
 * @throws CatchdError `provider_answer_invalid` with the setting that accepts such a server
 */
export function requireOneOperator(profile: Profile | undefined, server: ServerMetadata): void {
  if (profile?.authorization_endpoint !== undefined || profile?.token_endpoint !== undefined) return
  const { issuer, authorization_endpoint: front, token_endpoint: back } = server
  if (server.authorization_response_iss_parameter_supported === true) return
  if (front === undefined || back === undefined) return
  if (areRelated(front, back) || areRelated(front, issuer)) return
  throw new CatchdError('provider_answer_invalid', {
    detail:
      `${issuer} has its authorization_endpoint at ${new URL(front).host} and its token_endpoint at ` +
      `${new URL(back).host}, and does not announce iss (RFC 9207): a code could go to the wrong server. If you ` +
      `trust both, set authorization_endpoint to ${front} and token_endpoint to ${back} in a profile.`,
    next: profile === undefined ? 'catchd profile add --help' : 'catchd profile edit {profile}',
  })
}

/** Whether two URLs are on the same host, or one host is a subdomain of the other. */
export function areRelated(first: string, second: string): boolean {
  const [a, b] = [new URL(first), new URL(second)]
  return a.host === b.host || a.hostname.endsWith(`.${b.hostname}`) || b.hostname.endsWith(`.${a.hostname}`)
}
