/**
 * `fetch` with a profile's token: adds the Authorization header, and sends a request that was answered with 401 once
 * more with a new token, where it can be sent again.
 */
import type { CatchdClient } from './client.js'

/** What of the client is needed. */
type Tokens = Pick<CatchdClient, 'token' | 'refresh'>

/** @throws CatchdError `login_required`, …; what `fetch` throws */
export async function fetchWithToken(
  client: Tokens,
  profile: string,
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  const { signal } = init
  const options = signal == null ? {} : { signal }
  const first = await client.token(profile, options)
  const again = replayOf(input, init)
  const response = await fetch(withToken(new Request(input, init), first.token_type, first.access_token))
  if (response.status !== 401 || again === undefined) return response
  const second = await better(client, profile, first.access_token, options)
  if (second === undefined) return response
  await response.body?.cancel()
  return fetch(withToken(again, second.token_type, second.access_token))
}

/** The same request once more, unless its body is a stream, which is gone once it was sent. */
function replayOf(input: string | URL | Request, init: RequestInit): Request | undefined {
  const body = init.body ?? (input instanceof Request ? input.body : null)
  return body instanceof ReadableStream ? undefined : new Request(input, init)
}

function withToken(request: Request, type: string, token: string): Request {
  request.headers.set('authorization', `${type} ${token}`)
  return request
}

/** Somebody else may have refreshed it meanwhile. `undefined`: there is none, and the refusal stands. */
async function better(client: Tokens, profile: string, refused: string, options: { signal?: AbortSignal }) {
  try {
    const current = await client.token(profile, options)
    return current.access_token === refused ? await client.refresh(profile, options) : current
  } catch {
    return undefined
  }
}
