/**
 * Checks what the caller of a route may do. Each route names the action it needs in its `config`; without one, only
 * `admin` may call it. A profile in the path is checked here too. For a profile in the body or a profile of a login id,
 * the route calls {@link requirePermission}.
 */
import type { FastifyRequest } from 'fastify'
import { CatchdError } from '../../failures.js'
import { type KeyAction, mayDo, maySee, type Principal } from './principal.js'
import type { PageKind } from './session-checks.js'
import { requireCallOfSession } from './session-limits.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `any`: every API key, with an answer limited to its profiles. Default: `admin`. */
    needs?: KeyAction | 'any'
    /** The methods of this address, for the answer to a request with another method. */
    allow?: string
    /** Answered while catchd is locked. */
    whileLocked?: true
    /** Served to browsers, which have no API key. session-checks.ts checks the request. */
    page?: PageKind
  }
}

/** The caller, as {@link admit} found it. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = request.getDecorator<Principal | null>('principal')
  if (principal === null)
    throw new CatchdError('internal', 'A request was not checked before its handler ran.')
  return principal
}

/** @throws CatchdError `forbidden` */
export function requireRoutePermission(request: FastifyRequest): void {
  const { needs = 'admin' } = request.routeOptions.config
  if (principalOf(request).session !== undefined) requireCallOfSession(request.method, request.routeOptions)
  const { profile } = request.params as { readonly profile?: string }
  requirePermission(request, needs, profile)
}

/** @throws CatchdError `forbidden` */
export function requirePermission(
  request: FastifyRequest,
  needs: KeyAction | 'any',
  profile: string | undefined,
): void {
  const principal = principalOf(request)
  if (needs !== 'any' && !mayDo(principal, needs)) {
    throw new CatchdError('forbidden', `This call needs an API key with the action \`${needs}\`.`)
  }
  if (profile !== undefined && !maySee(principal, profile)) {
    throw new CatchdError('forbidden', 'The API key does not allow this profile.')
  }
}
