/**
 * `/v1/profiles`: the configuration, without secrets, and how each profile stands.
 */
import * as z from 'zod'
import { ProfileName } from '../../config/profile.js'
import { principalOf } from '../access/permission.js'
import { maySee } from '../access/principal.js'
import { type ApiScope, answers, NoBody, NoContent, ProfilePath, type RouteParts } from './scope.js'
import {
  NewProfileFromUrl,
  ProfileAnswer,
  ProfileConfiguration,
  ProfileListAnswer,
  profileAnswer,
} from './wire.js'

const NewProfilePath = z.object({ profile: ProfileName })

export function profileRoutes(app: ApiScope, { services }: RouteParts): void {
  const { profiles } = services

  app.route({
    method: 'GET',
    url: '/v1/profiles',
    config: { needs: 'any' },
    schema: {
      operationId: 'listProfiles',
      summary: 'All profiles of the key',
      response: answers({ 200: ProfileListAnswer }),
    },
    handler: async (request) => {
      const principal = principalOf(request)
      const views = await profiles.list()
      return { profiles: views.filter(({ name }) => maySee(principal, name)).map(profileAnswer) }
    },
  })

  app.route({
    method: 'POST',
    url: '/v1/profiles',
    config: { needs: 'admin' },
    schema: {
      operationId: 'discoverProfile',
      summary:
        'The profile for the URL of a protected resource or an issuer: found, or made by discovery and registration',
      body: NewProfileFromUrl,
      response: answers({ 200: ProfileAnswer, 201: ProfileAnswer }),
    },
    handler: async (request, reply) => {
      const { client_id, ca_file, register_again, ...rest } = request.body
      const { view, created } = await services.discovery.fromUrl({
        ...rest,
        clientId: client_id,
        caFile: ca_file,
        registerAgain: register_again,
      })
      return reply.code(created ? 201 : 200).send(profileAnswer(view))
    },
  })

  app.route({
    method: 'GET',
    url: '/v1/profiles/:profile',
    config: { needs: 'any' },
    schema: {
      operationId: 'getProfile',
      summary: 'A profile and how it stands',
      params: ProfilePath,
      response: answers({ 200: ProfileAnswer }),
    },
    handler: async (request) => profileAnswer(await profiles.show(request.params.profile)),
  })

  app.route({
    method: 'PUT',
    url: '/v1/profiles/:profile',
    config: { needs: 'admin' },
    schema: {
      operationId: 'putProfile',
      summary: 'Adds or replaces a profile; a client secret given as a string goes to the vault',
      params: NewProfilePath,
      body: ProfileConfiguration,
      response: answers({ 200: ProfileAnswer, 201: ProfileAnswer }),
    },
    handler: async (request, reply) => {
      const { view, created } = await profiles.put(request.params.profile, request.body)
      return reply.code(created ? 201 : 200).send(profileAnswer(view))
    },
  })

  app.route({
    method: 'DELETE',
    url: '/v1/profiles/:profile',
    config: { needs: 'admin' },
    schema: {
      operationId: 'removeProfile',
      summary: 'Logs out and removes a profile',
      params: ProfilePath,
      body: NoBody,
      response: answers({ 204: NoContent }),
    },
    handler: async (request, reply) => {
      await profiles.remove(request.params.profile)
      return reply.code(204).send()
    },
  })
}
