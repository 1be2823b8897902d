/**
 * What the caller of a route may do. Each route names the action it needs in its `config`; one that names none
 * is the admin's alone. A profile in the path is checked with it; one in a body or behind a login's id is
 * checked by the route, through {@link requirePermission}.
 */
import type { FastifyRequest } from 'fastify'
import { CatchdError } from '../../failures.js'
import { type KeyAction, mayDo, maySee, type Principal } from './principal.js'
import type { PageKind } from './session-checks.js'
import { requireCallOfSession } from './session-limits.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `any`: every key, with an answer limited to its profiles. Default: `admin`. */
    needs?: KeyAction | 'any'
    /** Methods that are served at this address, where the request's is not among them. */
    allow?: string
    /** Served to browsers themselves, which have no key: judged by dashboard/session-checks.ts. */
    page?: PageKind
  }
}

/** Who asks, as admitted. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = request.getDecorator<Principal | null>('principal')
  if (principal === null) throw new CatchdError('internal', 'A request came past the checks of the API.')
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
    throw new CatchdError('forbidden', `This call needs a key with the action \`${needs}\`.`)
  }
  if (profile !== undefined && !maySee(principal, profile)) {
    throw new CatchdError('forbidden', 'The profile is not among those of the key.')
  }
}
