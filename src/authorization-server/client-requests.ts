/**
 * Requests that the client of a profile sends to its authorization server. oauth4webapi builds them; this file adds what
 * all of them need: client authentication, a DPoP proof (proof-fetch.ts) and our connections (server-fetch.ts).
 *
 * Every request with a secret passes here, and is refused if its endpoint is not the place for that secret
 * (secret-destination.ts).
 */
import type { Client, ClientAuth } from 'oauth4webapi'
import type { ClientSecrets } from '../config/client-secret.js'
import type { Profile } from '../config/profile.js'
import type { Secret } from '../secret.js'
import { clientAuthentication } from './client-authentication.js'
import type { IssuedTokens } from './issued-tokens.js'
import type { ProofFetch } from './proof-fetch.js'
import { type Destination, requireBelongs } from './secret-destination.js'
import { SentValues } from './sent-values.js'
import type { ServerConnections } from './server-connections.js'
import { type Fetch, serverFetch } from './server-fetch.js'
import type { Transcript } from './transcript.js'

type OAuthLibrary = typeof import('oauth4webapi')

/** The library and the arguments that its request functions have in common. */
interface RequestArguments {
  readonly oauth: OAuthLibrary
  /** Of the endpoint. */
  readonly url: string
  readonly client: Client
  readonly authentication: ClientAuth
  /** For requests that send it in a parameter of another name. */
  readonly clientSecret: Secret | undefined
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
   * @param to - The endpoint, and what the secrets of the request are bound to.
   * @param request - Builds and sends the request. Called at most twice.
   * @param options.secrets - Of the request, under whatever name it sends them.
   * @param options.isProven - Whether the request of a `dpop` profile has a proof. Default true.
   * @returns The response, and what was sent, which must not appear in a text that is shown.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `profile_invalid`, the vault's codes; what
   *   {@link requireBelongs} throws: nothing was sent
   */
  async send(
    profile: Profile,
    to: Destination,
    request: (parts: RequestArguments) => Promise<Response>,
    options: {
      readonly transcript?: Transcript | undefined
      readonly secrets?: readonly Secret[]
      readonly isProven?: boolean
    } = {},
  ): Promise<{ readonly response: Response; readonly sent: SentValues }> {
    const url = requireBelongs(profile, to)
    const oauth = await import('oauth4webapi')
    const secret = await this.#clientSecrets(profile)
    const client = { client_id: profile.client_id }
    const authentication = clientAuthentication(profile, secret)
    const sent = new SentValues(profile).add(secret ?? null, ...(options.secrets ?? []))
    const fetch = serverFetch(this.#connections, profile, sent, options.transcript)
    const attempt = (using: Fetch) =>
      request({
        oauth,
        url,
        client,
        authentication,
        clientSecret: secret,
        options: fetchOptions(oauth, using),
      })
    const { isProven = true } = options
    const response = await (isProven ? this.#proofs.send(profile, fetch, attempt) : attempt(fetch))
    return { response, sent }
  }

  /**
   * A GET request with an access token instead of client authentication (RFC 6750 §2.1, RFC 9449 §7.1).
   *
   * @throws CatchdError like {@link send}
   */
  async getWithToken(
    profile: Profile,
    to: Destination,
    { accessToken, tokenType }: Pick<IssuedTokens, 'accessToken' | 'tokenType'>,
  ): Promise<{ readonly response: Response; readonly sent: SentValues }> {
    const url = requireBelongs(profile, to)
    const headers = { accept: 'application/json', authorization: `${tokenType} ${accessToken.reveal()}` }
    const sent = new SentValues(profile).add(accessToken)
    const fetch = serverFetch(this.#connections, profile, sent)
    const attempt = (using: Fetch) => using(url, { method: 'GET', headers })
    return { response: await this.#proofs.send(profile, fetch, attempt, accessToken), sent }
  }
}

/** Options for every function of oauth4webapi that sends a request. */
export function fetchOptions(oauth: OAuthLibrary, fetch: Fetch) {
  return {
    [oauth.customFetch]: fetch,
    [oauth.allowInsecureRequests]: true, // beyond loopback, server-exchanges.ts refuses plain http
  } as const
}
