/**
 * Why a request got no token before it came to the routes (fast-path/fresh-token-handler.ts): the routes tell it instead
 * of asking once more.
 */
import type { IncomingMessage } from 'node:http'

const failures = new WeakMap<IncomingMessage, { readonly failure: unknown }>()

export function rememberFailure(request: IncomingMessage, failure: unknown): void {
  failures.set(request, { failure })
}

/** @throws what was remembered of this request, where something was */
export function throwEarlierFailure(request: IncomingMessage): void {
  const earlier = failures.get(request)
  if (earlier !== undefined) throw earlier.failure
}
