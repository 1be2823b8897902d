/**
 * `/openapi.json`: the description of this API. It is generated from the routes' schemas when the program is built
 * (scripts/generate-openapi.ts), so that the daemon need not load the generator.
 */
import type { ApiScope } from './scope.js'

export function openApiRoute(app: ApiScope): void {
  app.route({
    method: 'GET',
    url: '/openapi.json',
    config: { needs: 'any', whileLocked: true },
    schema: { operationId: 'getDescription', summary: 'This description (OpenAPI 3.1)' },
    handler: async (_request, reply) => {
      const { default: description } = await import('../../../schema/openapi.json', {
        with: { type: 'json' },
      })
      return reply.send(description)
    },
  })
}
