/** `/v1/clients`: API keys of local tools. For admins only: a key that could make keys would have no limits. */
import * as z from 'zod'
import { toInstant } from '../../clock.js'
import { ProfileName } from '../../config/profile.js'
import type { ApiKey } from '../access/api-keys-file.js'
import type { KeyUse } from '../access/key-uses.js'
import { KeyAction } from '../access/principal.js'
import { type ApiScope, answers, NoBody, NoContent, type RouteParts } from './scope.js'
import { Instant, instantOrNull } from './wire.js'

/** The same rule as for profiles. */
const ClientName = ProfileName

/** Ten years. */
const LONGEST_KEY_LIFE_SECONDS = 315_360_000

const NewClient = z
  .strictObject({
    client: ClientName,
    profiles: z.array(ProfileName).max(1000).default([]),
    actions: z.array(KeyAction).min(1),
    expires_in: z.int().min(1).max(LONGEST_KEY_LIFE_SECONDS).nullable().default(null),
  })
  .refine(({ profiles, actions }) => profiles.length > 0 || actions.includes('admin'), {
    path: ['profiles'],
    message: 'must name at least one profile, unless the key is for `admin`',
  })
  .meta({ id: 'NewClient' })

export const ClientAnswer = z
  .object({
    client: z.string(),
    profiles: z.array(z.string()),
    actions: z.array(KeyAction),
    created_at: Instant,
    expires_at: Instant.nullable(),
    last_used_at: Instant.nullable().describe('null: never'),
    uses: z.int().describe('Requests with the key; a crash may lose the count of the last minute'),
  })
  .meta({ id: 'Client' })
export type ClientAnswer = z.infer<typeof ClientAnswer>

export const NewClientAnswer = ClientAnswer.extend({
  key: z.string().describe('Shown only in this answer; send it as `Authorization: Bearer KEY`'),
}).meta({ id: 'ClientWithKey' })

export const ClientListAnswer = z.object({ clients: z.array(ClientAnswer) })

const ClientPath = z.object({ client: z.string() })

export function clientRoutes(app: ApiScope, { keys, services }: RouteParts): void {
  const answer = (apiKey: ApiKey) => clientAnswer(apiKey, keys.useOf(apiKey))

  app.route({
    method: 'GET',
    url: '/v1/clients',
    config: { needs: 'admin' },
    schema: {
      operationId: 'listClients',
      summary: 'All API keys',
      response: answers({ 200: ClientListAnswer }),
    },
    handler: async () => ({ clients: keys.list().map(answer) }),
  })

  app.route({
    method: 'POST',
    url: '/v1/clients',
    config: { needs: 'admin' },
    schema: {
      operationId: 'addClient',
      summary: 'Makes an API key, which only this answer shows',
      body: NewClient,
      response: answers({ 201: NewClientAnswer }),
    },
    handler: async (request, reply) => {
      const { client: name, profiles, actions, expires_in } = request.body
      const { apiKey, key } = await keys.add({ name, profiles, actions, expiresInSeconds: expires_in })
      services.clientChanged('client.added', name, { profiles, actions })
      return reply.code(201).send({ ...answer(apiKey), key: key.reveal() })
    },
  })

  app.route({
    method: 'GET',
    url: '/v1/clients/:client',
    config: { needs: 'admin' },
    schema: {
      operationId: 'getClient',
      summary: 'An API key, without the key itself',
      params: ClientPath,
      response: answers({ 200: ClientAnswer }),
    },
    handler: async (request) => answer(keys.get(request.params.client)),
  })

  app.route({
    method: 'DELETE',
    url: '/v1/clients/:client',
    config: { needs: 'admin' },
    schema: {
      operationId: 'removeClient',
      summary: 'Removes an API key',
      params: ClientPath,
      body: NoBody,
      response: answers({ 204: NoContent }),
    },
    handler: async (request, reply) => {
      await keys.remove(request.params.client)
      services.clientChanged('client.removed', request.params.client)
      return reply.code(204).send()
    },
  })
}

function clientAnswer(apiKey: ApiKey, { lastUsedAtMs, uses }: KeyUse): ClientAnswer {
  return {
    client: apiKey.name,
    profiles: [...apiKey.profiles],
    actions: [...apiKey.actions],
    created_at: toInstant(apiKey.createdAtMs),
    expires_at: instantOrNull(apiKey.expiresAtMs),
    last_used_at: instantOrNull(lastUsedAtMs),
    uses,
  }
}
