/** `/v1/profiles`: the configuration of the profiles, without secrets, and their state. */
import * as z from 'zod'
import { toInstant } from '../../clock.js'
import { ProfileEntry, ProfileName } from '../../config/profile.js'
import { principalOf } from '../access/permission.js'
import { maySee } from '../access/principal.js'
import { type ApiScope, answers, NoBody, NoContent, ProfilePath, type RouteParts } from './scope.js'
import type { ProfileView } from './services.js'
import { FailureAnswer, failureAnswer, Instant, instantOrNull } from './wire.js'

export const ProfileConfiguration = ProfileEntry.meta({ id: 'ProfileConfiguration' })

const NewProfileFromUrl = z
  .strictObject({
    url: z.string().min(1).max(2048).describe('A protected resource (an MCP server, an API) or an issuer'),
    profile: ProfileName.optional().describe('Name of the profile; default: made from the host'),
    client_id: z
      .string()
      .min(1)
      .optional()
      .describe('A client that you registered, or the URL of a Client ID Metadata Document'),
    scope: z.string().optional().describe('Replaces the scope that the resource asks for'),
    ca_file: z.string().min(1).optional(),
    redirect_uri: z
      .string()
      .max(2048)
      .optional()
      .describe('A loopback URL to register instead of the default, for example with the host localhost'),
    issuer: z
      .string()
      .max(2048)
      .optional()
      .describe(
        'The authorization server that you agree to. Needed if the resource names another one than the profile uses; a new client is then registered there',
      ),
    register_again: z
      .boolean()
      .default(false)
      .describe('The server no longer knows the client: register another one for the profile'),
  })
  .meta({ id: 'NewProfileFromUrl' })

const ProfileStatus = z
  .enum(['logged_in', 'login_required', 'login_pending', 'expired', 'locked'])
  .meta({ id: 'ProfileStatus' })

export const ProfileAnswer = z
  .object({
    profile: z.string(),
    configuration: ProfileConfiguration.describe('As configured, without secrets'),
    status: ProfileStatus,
    expires_at: Instant.nullable(),
    scope: z.string().nullable(),
    subject: z.string().nullable(),
    error: FailureAnswer.nullable().describe('Why the stored tokens of this profile cannot be read'),
    refresh_failing: z
      .object({ since: Instant, error: FailureAnswer })
      .nullable()
      .describe('Since when every refresh has failed, and why the last one did. catchd tries again'),
    login_needed_at: Instant.nullable().describe(
      'When the next login is needed. A time in the past: it is needed now. null: the server does not say, or no login is ever needed',
    ),
  })
  .meta({ id: 'Profile' })
export type ProfileAnswer = z.infer<typeof ProfileAnswer>

export const ProfileListAnswer = z.object({ profiles: z.array(ProfileAnswer) })

const NewProfilePath = z.object({ profile: ProfileName })

export function profileRoutes(app: ApiScope, { services }: RouteParts): void {
  const { profiles } = services

  app.route({
    method: 'GET',
    url: '/v1/profiles',
    config: { needs: 'any', whileLocked: true },
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
        'The profile for the URL of a protected resource or an issuer: an existing one, or a new one by discovery and registration',
      body: NewProfileFromUrl,
      response: answers({ 200: ProfileAnswer, 201: ProfileAnswer }),
    },
    handler: async (request, reply) => {
      const { client_id, ca_file, redirect_uri, register_again, ...rest } = request.body
      const { view, created } = await services.discovery.fromUrl({
        ...rest,
        clientId: client_id,
        caFile: ca_file,
        redirectUri: redirect_uri,
        registerAgain: register_again,
      })
      return reply.code(created ? 201 : 200).send(profileAnswer(view))
    },
  })

  app.route({
    method: 'GET',
    url: '/v1/profiles/:profile',
    config: { needs: 'any', whileLocked: true },
    schema: {
      operationId: 'getProfile',
      summary: 'A profile and its state',
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
      const by = principalOf(request).session === undefined ? 'owner' : 'session'
      const { view, created } = await profiles.put(request.params.profile, request.body, by)
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

function profileAnswer(view: ProfileView): ProfileAnswer {
  return {
    profile: view.name,
    configuration: view.entry,
    status: view.status,
    expires_at: instantOrNull(view.expiresAtMs),
    scope: view.scope,
    subject: view.subject,
    error: view.failure === null ? null : failureAnswer(view.failure),
    refresh_failing:
      view.failing === null
        ? null
        : { since: toInstant(view.failing.sinceMs), error: failureAnswer(view.failing.failure) },
    login_needed_at: instantOrNull(view.loginNeededAtMs),
  }
}
