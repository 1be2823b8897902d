/**
 * All routes of the API on one app, and the rules for all of them: unknown query parameters are refused, and a known path
 * with another method gets 405 with Allow.
 *
 * Used by the daemon (api-app.ts) and by the generator of the OpenAPI description.
 */
import type { FastifySchemaCompiler } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import * as z from 'zod'
import { principalOf } from '../access/permission.js'
import { bodyCheckOf } from '../access/session-limits.js'
import { clientRoutes } from './clients.js'
import { dashboardLinkRoutes } from './dashboard-links.js'
import { eventRoutes } from './events.js'
import { idTokenRoutes } from './id-tokens.js'
import { inspectionRoutes } from './inspection.js'
import { lockRoutes } from './lock.js'
import { loginRoutes } from './logins.js'
import { openApiRoute } from './openapi.js'
import { profileRoutes } from './profiles.js'
import { proofRoutes } from './proofs.js'
import type { ApiScope, RouteParts } from './scope.js'
import { statusRoutes } from './status.js'
import { tokenRoutes } from './tokens.js'

export type Routes = (app: ApiScope, parts: RouteParts) => void

const NoQuery = z.strictObject({})

/** @param pages - The dashboard's routes, on the same app and behind the same checks. */
export function registerRoutes(app: ApiScope, parts: RouteParts, pages: Routes = () => {}): void {
  const methods = new Map<string, Set<string>>()
  app.setValidatorCompiler(validateWithZod)
  app.setSerializerCompiler(serializerCompiler)
  app.addHook('onRoute', (route) => {
    route.schema = { querystring: NoQuery, ...route.schema }
    const served = methods.get(route.url) ?? new Set()
    for (const method of [route.method].flat()) served.add(method)
    methods.set(route.url, served)
    const checkBody = bodyCheckOf(route)
    if (checkBody === undefined) return
    route.preHandler = async (request) => {
      if (principalOf(request).session !== undefined) checkBody(request.body)
    }
  })
  tokenRoutes(app, parts)
  idTokenRoutes(app, parts)
  proofRoutes(app, parts)
  inspectionRoutes(app, parts)
  loginRoutes(app, parts)
  profileRoutes(app, parts)
  clientRoutes(app, parts)
  statusRoutes(app, parts)
  lockRoutes(app, parts)
  eventRoutes(app, parts)
  dashboardLinkRoutes(app, parts)
  pages(app, parts)
  openApiRoute(app)
  for (const [url, served] of [...methods]) refuseOtherMethods(app, url, served)
}

/** Most requests have no query, so the result for an empty query is computed once. */
const validateWithZod: FastifySchemaCompiler<z.ZodType> = (route) => {
  const validate = validatorCompiler(route)
  if (route.httpPart !== 'querystring') return validate
  const ofNoQuery = validate({})
  return (query: object) => {
    for (const _name in query) return validate(query)
    return ofNoQuery
  }
}

/** The hook that admits requests refuses them, before a body is read. */
function refuseOtherMethods(app: ApiScope, url: string, served: ReadonlySet<string>): void {
  app.route({
    method: app.supportedMethods.filter((method) => !served.has(method)),
    url,
    config: { needs: 'any', allow: [...served].sort().join(', ') },
    schema: { hide: true },
    handler: (_request, reply) => reply.callNotFound(),
  })
}
