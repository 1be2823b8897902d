/**
 * Requests that the client of a profile sends to its authorization server. oauth4webapi builds them; this file adds what
 * all of them need: client authentication, a DPoP proof (proof-fetch.ts) and our connections (server-fetch.ts).
 */
import type { Client, ClientAuth } from 'oauth4webapi'
import type { ClientSecrets } from '../config/client-secret.js'
import type { Profile } from '../config/profile.js'
import { clientAuthentication } from './client-authentication.js'
import type { ProofFetch } from './proof-fetch.js'
import { SentValues } from './sent-values.js'
import type { ServerConnections } from './server-connections.js'
import { type Fetch, serverFetch } from './server-fetch.js'
import type { Transcript } from './transcript.js'

type OAuthLibrary = typeof import('oauth4webapi')

/** The library and the arguments that its request functions have in common. */
interface RequestArguments {
  readonly oauth: OAuthLibrary
  readonly client: Client
  readonly authentication: ClientAuth
  readonly options: ReturnType<typeof fetchOptions>
}

export class ClientRequests {
  readonly #connections: ServerConnections
  readonly #proofs: ProofFetch
  readonly #clientSecrets: ClientSecrets

  constructor(connections: ServerConnections, proofs: ProofFetch, clientSecrets: ClientSecrets) {
    this.#connections = connections
    this.#proofs = proofs
    this.#clientSecrets = clientSecrets
  }

  /**
   * @param request - Builds and sends the request. Called at most twice.
   * @param options.isProven - Whether the request of a `dpop` profile has a proof. Default true.
   * @returns The response, and what was sent, which must not appear in a text that is shown.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `profile_invalid`, the vault's codes
   */
  async send(
    profile: Profile,
    request: (parts: RequestArguments) => Promise<Response>,
    options: { readonly transcript?: Transcript | undefined; readonly isProven?: boolean } = {},
  ): Promise<{ readonly response: Response; readonly sent: SentValues }> {
    const oauth = await import('oauth4webapi')
    const secret = await this.#clientSecrets(profile)
    const client = { client_id: profile.client_id }
    const authentication = clientAuthentication(profile, secret)
    const sent = new SentValues(profile).add(secret ?? null)
    const fetch = serverFetch(this.#connections, profile, sent, options.transcript)
    const attempt = (using: Fetch) =>
      request({ oauth, client, authentication, options: fetchOptions(oauth, using) })
    const { isProven = true } = options
    const response = await (isProven ? this.#proofs.send(profile, fetch, attempt) : attempt(fetch))
    return { response, sent }
  }
}

/** Options for every function of oauth4webapi that sends a request. */
export function fetchOptions(oauth: OAuthLibrary, fetch: Fetch) {
  return {
    [oauth.customFetch]: fetch,
    [oauth.allowInsecureRequests]: true, // beyond loopback, server-exchanges.ts refuses plain http
  } as const
}
