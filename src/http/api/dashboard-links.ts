/** `/v1/dashboard/links`: the link that `catchd dashboard` opens. For admins only. */
import * as z from 'zod'
import { toInstant } from '../../clock.js'
import { withoutTcp } from '../../config/no-tcp.js'
import { type ApiScope, answers, NoBody, type RouteParts } from './scope.js'
import { Instant } from './wire.js'

export const DashboardLinkAnswer = z
  .object({
    url: z.string().describe('Opens the dashboard in one browser, once'),
    expires_at: Instant,
  })
  .meta({ id: 'DashboardLink' })

export function dashboardLinkRoutes(app: ApiScope, { sessions, tcpAuthority, services }: RouteParts): void {
  app.route({
    method: 'POST',
    url: '/v1/dashboard/links',
    config: { needs: 'admin', whileLocked: true },
    schema: {
      operationId: 'makeDashboardLink',
      summary: 'A one-time link to the dashboard, valid for a minute',
      body: NoBody,
      response: answers({ 201: DashboardLinkAnswer }),
    },
    handler: async (_request, reply) => {
      // The first one is the literal address. `localhost` would have another cookie.
      const [authority] = tcpAuthority()
      if (authority === undefined) {
        throw withoutTcp('The dashboard is served on the API port', await services.status())
      }
      const { token, expiresAtMs } = sessions.makeLink()
      return reply
        .code(201)
        .send({ url: `http://${authority}/enter?link=${token.reveal()}`, expires_at: toInstant(expiresAtMs) })
    },
  })
}
