/**
 * All routes of the API on one app, and what holds for each of them: unknown query parameters are refused, and
 * an address that is served with other methods says so (405 with Allow).
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
import { loginRoutes } from './logins.js'
import { openApiRoute } from './openapi.js'
import { profileRoutes } from './profiles.js'
import { proofRoutes } from './proofs.js'
import type { ApiScope, RouteParts } from './scope.js'
import { statusRoutes } from './status.js'
import { tokenRoutes } from './tokens.js'

/** Adds routes to the app. */
export type Routes = (app: ApiScope, parts: RouteParts) => void

const NoQuery = z.strictObject({})

/** @param pages - Routes of what people look at, on the same app and behind the same checks. */
export function registerRoutes(app: ApiScope, parts: RouteParts, pages: Routes = () => {}): void {
  const methods = new Map<string, Set<string>>()
  app.setValidatorCompiler(validateWithZod)
  app.setSerializerCompiler(serializerCompiler)
  app.addHook('onRoute', (route) => {
    route.schema = { querystring: NoQuery, ...route.schema }
    const served = methods.get(route.url) ?? new Set()
    for (const method of [route.method].flat()) served.add(method)
    methods.set(route.url, served)
    const checkBody = bodyCheckOf(route, parts.services.profiles)
    if (checkBody === undefined) return
    route.preHandler = async (request) => {
      if (principalOf(request).session !== undefined) await checkBody(request.body, request)
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
  eventRoutes(app, parts)
  dashboardLinkRoutes(app, parts)
  pages(app, parts)
  openApiRoute(app)
  for (const [url, served] of [...methods]) refuseOtherMethods(app, url, served)
}

/** Most requests have no query: what their schema makes of that is known after the first of them. */
const validateWithZod: FastifySchemaCompiler<z.ZodType> = (route) => {
  const validate = validatorCompiler(route)
  if (route.httpPart !== 'querystring') return validate
  const ofNoQuery = validate({})
  return (query: object) => {
    for (const _name in query) return validate(query)
    return ofNoQuery
  }
}

/** Refused by the hook that admits requests, before a body is read. */
function refuseOtherMethods(app: ApiScope, url: string, served: ReadonlySet<string>): void {
  app.route({
    method: app.supportedMethods.filter((method) => !served.has(method)),
    url,
    config: { needs: 'any', allow: [...served].sort().join(', ') },
    schema: { hide: true },
    handler: (_request, reply) => reply.callNotFound(),
  })
}
