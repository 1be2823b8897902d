/**
 * The failure that fast-path/fresh-token-handler.ts got for a request before it passed the request to the routes, so that
 * they need not ask for the token again.
 */
import type { IncomingMessage } from 'node:http'

const failures = new WeakMap<IncomingMessage, { readonly failure: unknown }>()

export function rememberFailure(request: IncomingMessage, failure: unknown): void {
  failures.set(request, { failure })
}

/** @throws the failure that was remembered for this request, if any */
export function throwEarlierFailure(request: IncomingMessage): void {
  const earlier = failures.get(request)
  if (earlier !== undefined) throw earlier.failure
}
