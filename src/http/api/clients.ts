/**
 * `/v1/clients`: API keys of local tools. The admin's alone: a key that makes keys would have no limits.
 */
import * as z from 'zod'
import { unknownClient } from '../access/api-keys.js'
import type { ApiKey } from '../access/api-keys-file.js'
import { type ApiScope, answers, NoBody, NoContent, type RouteParts } from './scope.js'
import { ClientAnswer, ClientListAnswer, clientAnswer, NewClient, NewClientAnswer } from './wire.js'

const ClientPath = z.object({ client: z.string() })

export function clientRoutes(app: ApiScope, { keys, services }: RouteParts): void {
  const answer = (client: ApiKey) => clientAnswer(client, keys.useOf(client))

  app.route({
    method: 'GET',
    url: '/v1/clients',
    config: { needs: 'admin' },
    schema: {
      operationId: 'listClients',
      summary: 'All API keys',
      response: answers({ 200: ClientListAnswer }),
    },
    handler: async () => ({ clients: keys.clients().map(answer) }),
  })

  app.route({
    method: 'POST',
    url: '/v1/clients',
    config: { needs: 'admin' },
    schema: {
      operationId: 'addClient',
      summary: 'Makes an API key, which is shown this once',
      body: NewClient,
      response: answers({ 201: NewClientAnswer }),
    },
    handler: async (request, reply) => {
      const { client: name, profiles, actions, expires_in } = request.body
      const { client, key } = await keys.add({ name, profiles, actions, expiresInSeconds: expires_in })
      services.clientChanged('client.added', name)
      return reply.code(201).send({ ...answer(client), key: key.reveal() })
    },
  })

  app.route({
    method: 'GET',
    url: '/v1/clients/:client',
    config: { needs: 'admin' },
    schema: {
      operationId: 'getClient',
      summary: 'An API key, without the key',
      params: ClientPath,
      response: answers({ 200: ClientAnswer }),
    },
    handler: async (request) => {
      const client = keys.find(request.params.client)
      if (client === undefined) {
        const names = keys.clients().map(({ name }) => name)
        throw unknownClient(request.params.client, names)
      }
      return answer(client)
    },
  })

  app.route({
    method: 'DELETE',
    url: '/v1/clients/:client',
    config: { needs: 'admin' },
    schema: {
      operationId: 'removeClient',
      summary: 'Ends an API key',
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
