/**
 * `fetch` with a profile's token: adds the Authorization header. After an answer with 401, the request is sent once more
 * with a new token, if it can be sent again. After a 403 that names missing scopes, it is sent once more with a token that
 * has them.
 *
 * A token that is bound to a key of the daemon (`token_type` `DPoP`, RFC 9449) is sent with a proof for this request. The
 * daemon makes the proof. If a resource server requires a nonce in it, the request is sent again with that nonce (§9).
 */
import { asksForNonce, tokenChallenges } from '../text/challenges.js'
import { scopeSet } from '../text/scopes.js'
import type { ProofAnswer, TokenAnswer } from './api-types.js'
import type {
  AccessTokenOptions,
  CallOptions,
  FetchOptions,
  ProofRequest,
  RefreshOptions,
} from './options.js'

/** The calls of the client that are used here. */
interface Tokens {
  token(profile: string, options: AccessTokenOptions): Promise<TokenAnswer>
  refresh(profile: string, options: RefreshOptions): Promise<TokenAnswer>
  proof(profile: string, request: ProofRequest, options: CallOptions): Promise<ProofAnswer>
}

/** The newest nonces of so many resource servers are kept. */
const MOST_NONCES = 100

/** @throws CatchdError `login_required`, …; what `fetch` throws */
export async function fetchWithToken(
  client: Tokens,
  profile: string,
  input: string | URL | Request,
  init: RequestInit = {},
  loginOptions: FetchOptions = {},
): Promise<Response> {
  const options = { ...loginOptions, signal: init.signal ?? undefined }
  const send = (request: Request, token: TokenAnswer) => sendWith(client, profile, request, token, options)
  const first = await client.token(profile, options)
  const isReplayable = !hasStream(input, init)
  let response = await send(new Request(input, init), first)
  if (isReplayable && wantsNonce(response, first)) {
    await response.body?.cancel()
    response = await send(new Request(input, init), first)
  }
  if (!isReplayable) return response
  let token = first
  for (const find of [afterRefusal, withScopes]) {
    const other = await find(client, profile, response, token, options)
    if (other === undefined) continue
    await response.body?.cancel()
    response = await send(new Request(input, init), other)
    token = other
  }
  return response
}

/** A stream can be sent only once. */
function hasStream(input: string | URL | Request, init: RequestInit): boolean {
  return (init.body ?? (input instanceof Request ? input.body : null)) instanceof ReadableStream
}

async function sendWith(
  client: Tokens,
  profile: string,
  request: Request,
  token: TokenAnswer,
  options: CallOptions,
): Promise<Response> {
  if (token.token_type !== 'DPoP') {
    request.headers.set('authorization', `${token.token_type} ${token.access_token}`)
    return fetch(request)
  }
  const { method, url } = request
  const { origin } = new URL(url)
  const nonces = noncesOf(client)
  const { access_token, dpop } = await client.proof(
    profile,
    { method, url, nonce: nonces.get(origin) },
    options,
  )
  request.headers.set('authorization', `DPoP ${access_token}`)
  request.headers.set('dpop', dpop)
  const response = await fetch(request)
  const nonce = response.headers.get('dpop-nonce')
  if (nonce !== null) remember(nonces, origin, nonce)
  return response
}

function wantsNonce({ status, headers }: Response, { token_type }: TokenAnswer): boolean {
  if (status !== 401 || token_type !== 'DPoP' || !headers.has('dpop-nonce')) return false
  return asksForNonce(headers.get('www-authenticate') ?? undefined)
}

/** By origin, because each server has its own nonces (RFC 9449 §9). */
const noncesByClient = new WeakMap<Tokens, Map<string, string>>()

function noncesOf(client: Tokens): Map<string, string> {
  const known = noncesByClient.get(client) ?? new Map<string, string>()
  noncesByClient.set(client, known)
  return known
}

function remember(nonces: Map<string, string>, origin: string, nonce: string): void {
  nonces.delete(origin)
  nonces.set(origin, nonce)
  for (const oldest of nonces.keys()) {
    if (nonces.size <= MOST_NONCES) break
    nonces.delete(oldest)
  }
}

/** Another token after a 401. Another program may have refreshed it already. `undefined`: there is no other token. */
async function afterRefusal(
  client: Tokens,
  profile: string,
  { status }: Response,
  refused: TokenAnswer,
  { signal }: CallOptions,
): Promise<TokenAnswer | undefined> {
  if (status !== 401) return undefined
  try {
    const token = await client.refresh(profile, { signal, refused: refused.access_token })
    return token.access_token === refused.access_token ? undefined : token
  } catch {
    return undefined
  }
}

/** A token with the scopes that a 403 asks for, after a login if the caller allows one. */
async function withScopes(
  client: Tokens,
  profile: string,
  response: Response,
  refused: TokenAnswer,
  options: AccessTokenOptions,
): Promise<TokenAnswer | undefined> {
  const scope = neededScope(response)
  if (scope === undefined) return undefined
  try {
    const wider = await client.token(profile, { ...options, scope })
    return wider.access_token === refused.access_token ? undefined : wider
  } catch {
    return undefined
  }
}

/** The scopes that the resource needs (RFC 6750 §3.1, `insufficient_scope`); `undefined` if it does not say which. */
function neededScope({ status, headers }: Response): string | undefined {
  if (status !== 403) return undefined
  const scopes = tokenChallenges(headers.get('www-authenticate') ?? undefined)
    .map(({ parameters }) => new Map(parameters))
    .filter((parameters) => parameters.get('error') === 'insufficient_scope')
    .map((parameters) => parameters.get('scope') ?? '')
  return scopeSet(...scopes) || undefined
}
