/**
 * `/v1/status`, and what the command line does to the daemon itself: stop it, move its vault.
 */
import { principalOf } from '../access/permission.js'
import { limitOf } from '../access/principal.js'
import { type ApiScope, answers, NoBody, NoContent, type RouteParts } from './scope.js'
import type { DaemonStatus } from './services.js'
import { StatusAnswer, VaultMigration, VaultMigrationAnswer } from './wire.js'

export function statusRoutes(app: ApiScope, { services }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/status',
    config: { needs: 'any' },
    schema: {
      operationId: 'getStatus',
      summary: 'How the daemon is, as far as the profiles of the key go',
      response: answers({ 200: StatusAnswer }),
    },
    handler: async (request) => {
      const limit = limitOf(principalOf(request))
      const status = await services.status(limit)
      return limit === undefined ? status : limited(status, limit)
    },
  })

  app.route({
    method: 'POST',
    url: '/v1/daemon/stop',
    config: { needs: 'admin' },
    schema: {
      operationId: 'stopDaemon',
      summary: 'Begins an orderly stop; calls that are under way are still answered',
      body: NoBody,
      response: answers({ 202: NoContent }),
    },
    handler: async (_request, reply) => {
      services.stop()
      return reply.code(202).send()
    },
  })

  app.route({
    method: 'POST',
    url: '/v1/vault/migrate',
    config: { needs: 'admin' },
    schema: {
      operationId: 'migrateVault',
      summary: 'Carries every item over to another vault and uses that one from then on',
      body: VaultMigration,
      response: answers({ 200: VaultMigrationAnswer }),
    },
    handler: (request) => services.migrateVault(request.body.to),
  })
}

/** What is wrong with the configuration may name profiles of others. */
function limited(status: DaemonStatus, profiles: ReadonlySet<string>): DaemonStatus {
  const unsaved = status.vault.unsaved.filter((profile) => profiles.has(profile))
  const { token_accesses: _ofOthersToo, ...rest } = status
  return { ...rest, vault: { ...status.vault, unsaved }, config: { ...status.config, error: null } }
}
