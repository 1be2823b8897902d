/**
 * The routes of the dashboard: its page, the page's files, and the few calls that the API does not have, because the
 * API's answer would contain a token or a URL (SECURITY.md#no-token-in-the-browser).
 *
 * session-checks.ts and session-limits.ts decide what a browser may call. The first visit loads `pages.js`, which makes
 * the pages, so a daemon whose dashboard is not used does not load that code.
 */
import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { baseUrlUse, type Registration } from '../../config/presets/registration.js'
import { ProfileName } from '../../config/profile.js'
import { CatchdError } from '../../failures.js'
import { ownerOfCaller } from '../../listener/tcp-table.js'
import { principalOf } from '../access/permission.js'
import { isFromElsewhere, sessionEnded, sessionOfNavigation } from '../access/session-checks.js'
import { endedCookie, sessionCookie } from '../access/session-cookie.js'
import type { Session } from '../access/sessions.js'
import { loginAnswer } from '../api/login-answers.js'
import { type ApiScope, NoBody, ProfilePath, type RouteParts } from '../api/scope.js'
import { GROUPS, type Group, MOST_ROWS, ROWS_AT_ONCE } from './panels/profile-groups.js'
import type { RegistrationAnswer } from './registration-answer.js'

const loadPages = () => import('./pages.js')

/** The page's own calls: {@link sessionOf} lets only the page make them. */
const CALL = { config: { needs: 'any' }, schema: { hide: true } } as const
const ANYTIME = { ...CALL, config: { ...CALL.config, whileLocked: true } } as const

export function dashboardRoutes(app: ApiScope, parts: RouteParts): void {
  const { services, sessions } = parts

  const document = {
    config: { page: 'document' },
    schema: { hide: true, querystring: z.object({}) },
  } as const
  app.get('/', document, async (request, reply) => {
    const { dashboardPage, enterPage, sendPage } = await loadPages()
    const session = sessionOfNavigation(request.headers, sessions)
    if (session === undefined) {
      return sendPage(reply, enterPage(isFromElsewhere(request.headers) ? 'elsewhere' : 'none'))
    }
    session.used()
    return sendPage(reply, await dashboardPage(parts, session.undeliveredKey))
  })

  const querystring = z.object({ link: z.string().default('') })
  app.get('/enter', { ...document, schema: { hide: true, querystring } }, async (request, reply) => {
    const { enterPage, sendPage } = await loadPages()
    const { host = '' } = request.headers
    // The link is on the command line of the browser, where other users of the machine can read it and use it first.
    if ((await ownerOfCaller(request.socket)) === 'another user')
      return sendPage(reply, enterPage('another user'))
    const id = host.startsWith('127.0.0.1:') ? sessions.enter(request.query.link) : undefined
    if (id === undefined) return sendPage(reply, enterPage('used'))
    // A browser that enters again ends its previous session.
    sessionOfNavigation(request.headers, sessions)?.end()
    return reply.code(303).header('set-cookie', sessionCookie(id, host)).header('location', '/').send()
  })

  const file = {
    config: { page: 'part' },
    schema: { hide: true, params: z.object({ name: z.string() }) },
  } as const
  app.get('/assets/:name', file, async (request, reply) => {
    if (sessionOfNavigation(request.headers, sessions) === undefined) throw sessionEnded()
    const { script, style } = await (await loadPages()).assets()
    const asset = [script, style].find(({ path }) => path === `/assets/${request.params.name}`)
    if (asset === undefined) throw new CatchdError('route_unknown')
    return reply.type(asset.type).send(asset.content)
  })

  app.get(
    '/dashboard/panels',
    { ...ANYTIME, schema: { hide: true, querystring: PanelsQuery } },
    async (request, reply) => {
      sessionOf(request)
      const markup = await (await loadPages()).panels(parts, request.query)
      return reply.type('text/html; charset=utf-8').send(markup)
    },
  )

  app.get(
    '/dashboard/registration',
    { ...CALL, schema: { hide: true, querystring: RegistrationQuery } },
    async (request) => {
      sessionOf(request)
      const { profile, ...entry } = request.query
      const isNamed = entry.redirect_uri !== undefined || ProfileName.safeParse(profile).success
      return registrationAnswer(services.registration(profile, entry), isNamed)
    },
  )

  // The URL at which the user finishes a login. It is not part of the page: with it, somebody who has only the cookie
  // could send another person's authorization response.
  const params = z.object({ login: z.string() })
  app.get('/dashboard/logins/:login', { ...CALL, schema: { hide: true, params } }, async (request) => {
    sessionOf(request)
    const login = services.logins.find(request.params.login)
    if (login === undefined) throw new CatchdError('login_unknown')
    return loginAnswer(login)
  })

  const ofProfile = { ...CALL, schema: { hide: true, params: ProfilePath, body: NoBody } }
  app.post('/dashboard/profiles/:profile/refresh', ofProfile, async (request, reply) => {
    sessionOf(request)
    await services.tokens.refresh(request.params.profile)
    return reply.code(204).send()
  })

  app.post(
    '/dashboard/leave',
    { ...ANYTIME, schema: { hide: true, body: NoBody } },
    async (request, reply) => {
      sessionOf(request).end()
      const cookie = endedCookie(request.headers.host ?? '')
      return reply.code(204).header('set-cookie', cookie).send()
    },
  )
}

const text = z.string().max(2048)

/** What of the profiles the page shows (panels/profile-groups.ts). */
const PanelsQuery = z.object({
  find: text.default(''),
  group: z.enum(['all', ...(Object.keys(GROUPS) as Group[])]).default('all'),
  most: z.coerce.number().int().min(1).max(MOST_ROWS).default(ROWS_AT_ONCE),
  open: z
    .string()
    .max(8192)
    .optional()
    .transform((names) => (names === undefined ? undefined : new Set(names.split(' ')))),
})

const RegistrationQuery = z.object({
  profile: text.default(''),
  preset: text.optional(),
  redirect_uri: text.optional(),
  extends: text.optional(),
})

function registrationAnswer(registration: Registration, isNamed: boolean): RegistrationAnswer {
  const { preset, redirectUri, objection } = registration
  const about = { named: isNamed, redirect_uri: isNamed ? redirectUri : null, objection }
  if (preset === undefined) return { ...about, preset: null }
  const { title, register, source, client, options = null, profile } = preset
  const needs = { base_url: baseUrlUse(preset), client, options, scope: profile.scope ?? null }
  return { ...about, preset: { title, register, source, ...needs } }
}

/** Only the page can make these calls. With an API key, the routes do not exist. */
function sessionOf(request: FastifyRequest): Session {
  const { session } = principalOf(request)
  if (session === undefined) throw new CatchdError('route_unknown')
  return session
}
