/**
 * Token requests (RFC 6749 §4.1.3, §4.4.2, §6): sends the parameters of the standard and those of the profile, and
 * reads the answer (token-response.ts).
 *
 * The profile's parameters come last, after client authentication: they replace those of the standard and remove them,
 * and their placeholders (config/placeholders.ts) give the values of this request under the names of the server.
 *
 * A request is sent only once, because a code must not reach the server twice. There is one exception: if the server
 * refuses a request because it requires a DPoP nonce, it has not used the code yet (proof-fetch.ts).
 */
import type { ClientAuth } from 'oauth4webapi'
import type { Clock } from '../clock.js'
import { type Grant, TOKEN_EXCHANGE, usesRedirectUri } from '../config/grants.js'
import { fillIn, SECRET_PLACEHOLDERS } from '../config/placeholders.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { resources, sentRedirectUri, wireScope } from './authorization-request.js'
import type { ClientRequests } from './client-requests.js'
import type { TokenResponse } from './issued-tokens.js'
import type { ServerMetadata } from './metadata-document.js'
import type { Destination } from './secret-destination.js'
import { readTokenAnswer, type TokenAnswer } from './token-response.js'
import type { Transcript } from './transcript.js'

/** The parameters of a grant, without `grant_type` and the parameters of the profile. A list is a repeated parameter. */
export type GrantParameters = Readonly<Record<string, string | readonly string[]>>

export interface TokenRequest {
  readonly parameters: GrantParameters
  readonly profile: Profile
  readonly server: ServerMetadata
  /** What the code or the tokens among the parameters are bound to. */
  readonly bound: Destination['bound']
  readonly grantType: Grant | 'refresh_token'
  /** The value of `{scope}` in `token_parameters`, with the server's separator. Default: the scope of the profile. */
  readonly scope?: string
  /** The type of the tokens before, if the answer does not name one. */
  readonly tokenType?: string
  readonly transcript?: Transcript | undefined
}

/** The tokens, or the meaning of an answer without tokens. */
type TokenOutcome =
  | { readonly response: TokenResponse }
  | { readonly error: CatchdError; readonly answer: TokenAnswer }

export interface TokenRequestParts {
  readonly requests: ClientRequests
  readonly clock: Pick<Clock, 'now'>
}

/** @throws CatchdError like {@link ClientRequests.send} */
export async function requestTokens(
  { requests, clock }: TokenRequestParts,
  request: TokenRequest,
): Promise<TokenOutcome> {
  const { profile, server, bound, grantType, transcript } = request
  const isRefresh = grantType === 'refresh_token' && profile.refresh_endpoint !== undefined
  const { response, sent } = await requests.send(
    profile,
    { server, bound, key: isRefresh ? 'refresh_endpoint' : 'token_endpoint' },
    ({ oauth, url, client, authentication, clientSecret, options }) =>
      oauth.genericTokenEndpointRequest(
        { ...server, token_endpoint: url },
        client,
        withParametersOfProfile(request, authentication, clientSecret),
        grantType,
        parametersOf(request),
        options,
      ),
    { transcript, secrets: secretsIn(request) },
  )
  const { status, headers } = response
  if (status >= 300 && status < 400) {
    throw new CatchdError(
      'provider_answer_invalid',
      `The token endpoint answered with a redirect (${status}). catchd does not follow redirects.`,
    )
  }
  const serverMs = Date.parse(headers.get('date') ?? '')
  const answer = {
    status,
    contentType: headers.get('content-type') ?? '',
    body: await response.text(),
    retryAfter: headers.get('retry-after'),
    answeredAtMs: Number.isNaN(serverMs) ? clock.now() : serverMs,
  }
  const {
    token_response: shape,
    scope_separator: scopeSeparator,
    expires_in_default: defaultLifetime,
  } = profile
  try {
    return {
      response: readTokenAnswer(answer, {
        shape,
        scopeSeparator,
        defaultLifetime,
        sent,
        tokenType: request.tokenType,
        isExchange: grantType === TOKEN_EXCHANGE,
      }),
    }
  } catch (error) {
    return { error: asCatchdError(error).of(profile.name), answer }
  }
}

function parametersOf({ profile, parameters }: TokenRequest): URLSearchParams {
  const body = new URLSearchParams()
  for (const [name, values] of Object.entries(parameters)) {
    for (const value of [values].flat()) body.append(name, value)
  }
  for (const resource of resources(profile)) body.append('resource', resource)
  return body
}

function withParametersOfProfile(
  { profile, parameters, scope = wireScope(profile), grantType }: TokenRequest,
  authenticate: ClientAuth,
  clientSecret: Secret | undefined,
): ClientAuth {
  const refreshing = grantType === 'refresh_token' ? profile.refresh_parameters : {}
  const templates = Object.entries({ ...profile.token_parameters, ...refreshing })
  return async (server, client, body, headers) => {
    await authenticate(server, client, body, headers)
    const values = {
      redirect_uri: fixedRedirectUri(profile),
      ...parameters,
      scope,
      client_id: profile.client_id,
      client_secret: clientSecret?.reveal() ?? '',
    } as Readonly<Record<string, string>>
    for (const [name, template] of templates) {
      const value = fillIn(template, values)
      if (template === '') body.delete(name)
      else if (value !== undefined) body.set(name, value)
    }
  }
}

/** Also if `token_parameters` sends them under a name that the transcript shows. */
function secretsIn({ parameters }: TokenRequest): Secret[] {
  return SECRET_PLACEHOLDERS.flatMap((name) => {
    const value = parameters[name]
    return typeof value === 'string' ? new Secret(value) : []
  })
}

/** Empty if each login has its own port, or if the grant has no redirect. */
function fixedRedirectUri(profile: Profile): string {
  const { redirect_uri } = profile
  const sent = sentRedirectUri(profile, redirect_uri)
  const isFixed = sent !== redirect_uri || new URL(redirect_uri).port !== '0'
  return usesRedirectUri(profile) && isFixed ? sent : ''
}
