/** `/v1/lock` and `/v1/unlock`. While catchd is locked, only calls marked with `whileLocked` are answered. */
import * as z from 'zod'
import { Secret } from '../../secret.js'
import { type ApiScope, answers, NoContent, type RouteParts } from './scope.js'

const Passphrase = z
  .strictObject({ passphrase: z.string().min(1).max(1024).optional() })
  .nullish()
  .meta({ id: 'LockPassphrase' })

export function lockRoutes(app: ApiScope, { services }: RouteParts): void {
  app.route({
    method: 'POST',
    url: '/v1/lock',
    config: { needs: 'admin', whileLocked: true },
    schema: {
      operationId: 'lock',
      summary:
        'Locks catchd: takes the tokens out of memory and refuses to use them. Without `passphrase`: with the one of the last lock, or else together with the keychain',
      body: Passphrase,
      response: answers({ 204: NoContent }),
    },
    handler: async (request, reply) => {
      await services.lock.lock(passphraseOf(request.body))
      return reply.code(204).send()
    },
  })

  app.route({
    method: 'POST',
    url: '/v1/unlock',
    config: { needs: 'admin', whileLocked: true },
    schema: {
      operationId: 'unlock',
      summary:
        'Unlocks catchd. Without `passphrase`: if it was locked together with the keychain, which is unlocked now',
      body: Passphrase,
      response: answers({ 204: NoContent }),
    },
    handler: async (request, reply) => {
      await services.lock.unlock(passphraseOf(request.body))
      return reply.code(204).send()
    },
  })
}

function passphraseOf(body: z.infer<typeof Passphrase>): Secret | null {
  return body?.passphrase === undefined ? null : new Secret(body.passphrase)
}
