/**
 * Renders `schema/openapi.json` from the schemas that the routes validate with.
 */
import swagger from '@fastify/swagger'
import Fastify, { type FastifySchema } from 'fastify'
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { registerRoutes } from '../src/http/api/routes.js'
import { NoBody, type RouteParts } from '../src/http/api/scope.js'

/** Where it is kept, from the root of the repository. */
export const OPENAPI_FILE = 'schema/openapi.json'

/** @returns The whole file. */
export async function renderOpenApi(): Promise<string> {
  const app = Fastify({ exposeHeadRoutes: false })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'catchd',
        version: '1',
        description:
          'Fresh access tokens for local tools. Instants are RFC 3339 UTC strings, durations integer seconds, and what is unknown is null.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: 'http://127.0.0.1:7636', description: 'Default; the unix socket serves the same' }],
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'API key; not needed on the unix socket' },
        },
      },
      security: [{ key: [] }],
    },
    transform: (route) => jsonSchemaTransform({ ...route, schema: withoutEmptyBody(route.schema) }),
    transformObject: jsonSchemaTransformObject,
  })
  registerRoutes(app.withTypeProvider<ZodTypeProvider>(), unused())
  await app.ready()
  return `${JSON.stringify(tidy(app.swagger()), null, 2)}\n`
}

/**
 * The generator describes every schema as it comes in and as it goes out. One of the two is enough where the
 * other is not used or says the same.
 */
function tidy(description: object): unknown {
  const text = JSON.stringify(description, withoutIntegerLimits)
  const { components, ...rest } = JSON.parse(text)
  const schemas: Record<string, unknown> = components.schemas
  const used = namedIn(rest) // grows while it is walked
  for (const name of used) for (const part of namedIn(schemas[name])) used.add(part)
  const isUsed = (name: string) => used.has(name)
  const isSame = (one: string, other: string) =>
    JSON.stringify(schemas[one]) === JSON.stringify(schemas[other])
  const names = new Map<string, string>()
  for (const name of Object.keys(schemas).filter(isUsed)) {
    const short = name.replace(/Input$/, '')
    names.set(name, short === name || !isUsed(short) || isSame(name, short) ? short : name)
  }
  // By name: otherwise it depends on which file was imported first.
  const kept = [...names].map(([name, given]) => [given, schemas[name]] as const)
  kept.sort(([one], [other]) => (one < other ? -1 : 1))
  const tidied = { ...rest, components: { ...components, schemas: Object.fromEntries(kept) } }
  return JSON.parse(
    JSON.stringify(tidied).replace(/"#\/components\/schemas\/(\w+)"/g, (_, name: string) =>
      JSON.stringify(`#/components/schemas/${names.get(name)}`),
    ),
  )
}

/** Names of the schemas that are referred to. */
function namedIn(part: unknown): Set<string> {
  const references = JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)
  return new Set([...references].map(([, name = '']) => name))
}

/** That a JSON integer is a safe one goes without saying. */
function withoutIntegerLimits(key: string, value: unknown): unknown {
  const isLimit = key === 'minimum' || key === 'maximum'
  return isLimit && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER ? undefined : value
}

function withoutEmptyBody(schema: FastifySchema): FastifySchema {
  const { body, ...rest } = schema
  return body === NoBody || body === undefined ? rest : schema
}

/** Routes are described, not called. */
function unused(): RouteParts {
  return new Proxy({} as RouteParts, { get: () => ({}) })
}
