/** `/v1/status`, and the calls of the command line about the daemon itself: stop it, move its vault. */
import * as z from 'zod'
import { LASTING_VAULTS } from '../../vault/vault-kinds.js'
import { principalOf } from '../access/permission.js'
import { limitOf } from '../access/principal.js'
import { type ApiScope, answers, NoBody, NoContent, type RouteParts } from './scope.js'
import { Instant } from './wire.js'

export const StatusAnswer = z
  .object({
    version: z.string(),
    pid: z.int(),
    started_at: Instant,
    listeners: z.object({
      redirect: z.array(z.string()),
      redirect_missed: z
        .object({ at: Instant, detail: z.string() })
        .optional()
        .describe('What arrived last at a redirect URI instead of a response that can be read'),
      socket: z.string().nullable(),
      tcp: z.string().nullable(),
      tcp_error: z.string().nullable().describe('Why TCP does not work as configured, in words'),
    }),
    vault: z.object({
      kind: z.string(),
      engine: z.string(),
      health: z.string().describe('ok, locked or unavailable'),
      reason: z
        .string()
        .nullable()
        .describe('Why it is not ok, or why it is the sealed file although nobody chose that'),
      next: z.string().nullable().describe('One command to run for that reason'),
      unsaved: z.array(z.string()).describe('Profiles whose newest tokens are in memory only'),
    }),
    config: z.object({ path: z.string(), ok: z.boolean(), error: z.string().nullable() }),
    profiles: z.int(),
    logins_pending: z.int(),
    locked: z.boolean().describe('Whether catchd is locked: it then gives out and refreshes no token'),
    lock_error: z
      .string()
      .nullable()
      .describe('Why catchd does not lock itself, although `lock` is configured'),
    settings: z
      .array(
        z.object({
          key: z
            .string()
            .describe(
              'Its path in the configuration, such as daemon.api_port, or the name of a variable without one',
            ),
          value: z.union([z.string(), z.number(), z.null()]).describe('null: not set'),
          source: z.enum(['environment', 'file', 'default']),
        }),
      )
      .optional()
      .describe('For admin keys and on the socket: the settings that this daemon uses'),
    token_accesses: z
      .array(
        z.object({
          client: z.string().describe('Name of an API key, `admin`, or `socket`'),
          profile: z.string(),
          first_at: Instant,
          last_at: Instant,
          count: z.int(),
        }),
      )
      .optional()
      .describe(
        'For admin keys and on the socket: who got which token, the newest first, since the daemon started; one row for each key, profile and minute',
      ),
  })
  .meta({ id: 'Status' })
export type StatusAnswer = z.infer<typeof StatusAnswer>

const VaultMigration = z.strictObject({ to: z.enum(LASTING_VAULTS) }).meta({ id: 'NewVault' })

export const VaultMigrationAnswer = z
  .object({ from: z.string(), to: z.enum(LASTING_VAULTS), items: z.int().describe('Items that were moved') })
  .meta({ id: 'VaultMigration' })

export function statusRoutes(app: ApiScope, { services }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/status',
    config: { needs: 'any', whileLocked: true },
    schema: {
      operationId: 'getStatus',
      summary: 'The state of the daemon, limited to the profiles of the key',
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
    config: { needs: 'admin', whileLocked: true },
    schema: {
      operationId: 'stopDaemon',
      summary: 'Stops the daemon after the current calls are answered',
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
      summary: 'Moves every item to another vault, which the daemon then uses',
      body: VaultMigration,
      response: answers({ 200: VaultMigrationAnswer }),
    },
    handler: (request) => services.migrateVault(request.body.to),
  })
}

/** An error in the configuration may name profiles that the key may not know, and a reason may name files. */
function limited(status: StatusAnswer, profiles: ReadonlySet<string>): StatusAnswer {
  const unsaved = status.vault.unsaved.filter((profile) => profiles.has(profile))
  const { token_accesses: _ofOthersToo, settings: _ofTheOwner, ...rest } = status
  return {
    ...rest,
    vault: { ...status.vault, reason: null, next: null, unsaved },
    config: { ...status.config, error: null },
    lock_error: null,
  }
}
