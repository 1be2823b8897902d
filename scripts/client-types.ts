/**
 * The types of the API for the published library, written out from the schemas that the daemon validates with: the
 * library's declarations then need no other package.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import * as z from 'zod'
import { ProfileConfiguration } from '../src/http/api/profiles.js'
import { describeRoutes } from './generate-openapi.js'

/** Where it is kept, from the root of the repository. */
export const CLIENT_TYPES_FILE = 'src/client/api-types.ts'

/** Names that the library has given to answers; every other one is its id and `Answer`. */
const PUBLISHED_NAMES: Readonly<Record<string, string>> = {
  ClientWithKey: 'ClientWithKey',
  Status: 'DaemonStatus',
  VaultMigration: 'VaultMigration',
  DashboardLink: 'DashboardLink',
}

type AnswerSchema = z.ZodType | { readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>> }

/** The answers of all routes that have an id in the description of the API. */
function answerTypes(): Readonly<Record<string, z.ZodType>> {
  const types: Record<string, z.ZodType> = {}
  const app = Fastify({ exposeHeadRoutes: false })
  app.addHook('onRoute', ({ schema }) => {
    const { default: _problem, ...successes } = (schema?.response ?? {}) as Record<string, AnswerSchema>
    for (const answer of Object.values(successes)) {
      const type = 'content' in answer ? answer.content['application/json']?.schema : answer
      const id = type === undefined ? undefined : z.globalRegistry.get(type)?.id
      if (type !== undefined && id !== undefined) types[PUBLISHED_NAMES[id] ?? `${id}Answer`] = type
    }
  })
  describeRoutes(app)
  return types
}

/** What calls answer; what these consist of is written out with them. `ProfileEntry` is first, as it is put in. */
const TYPES: Readonly<Record<string, z.ZodType>> = { ProfileEntry: ProfileConfiguration, ...answerTypes() }

/** The library's own names; all others are those of the schemas. */
const NAMES = new Map(Object.entries(TYPES).map(([name, type]) => [z.globalRegistry.get(type)?.id, name]))
const nameOf = (id: string) => NAMES.get(id) ?? id

const HEADER = `/**
 * The JSON of the API, version 1. Written by \`npm run generate\` from the schemas of the daemon; not edited by hand.
 *
 * Instants are RFC 3339 UTC strings, durations integer seconds, and what is unknown is \`null\`.
 */
import type { FailureCode } from '../failures.js'`

/** As far as our own schemas use JSON Schema. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly not?: Schema
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
}

export function renderClientTypes(): string {
  const schemas = new Map<string, Schema>()
  for (const [root, type] of Object.entries(TYPES)) {
    // Each schema has an id, so that all of it is in the definitions.
    const { $defs = {} } = z.toJSONSchema(type, {
      io: root === 'ProfileEntry' ? 'input' : 'output',
    }) as Schema
    for (const [id, schema] of Object.entries($defs)) {
      const name = nameOf(id)
      if (name !== 'FailureCode' && !schemas.has(name)) schemas.set(name, schema)
    }
  }
  const declarations = [...schemas].map(([name, schema]) => declaration(name, schema, schemas))
  return formatted([HEADER, ...declarations].join('\n\n'))
}

function declaration(name: string, schema: Schema, schemas: ReadonlyMap<string, Schema>): string {
  if (schema.properties === undefined) return `${comment(schema)}export type ${name} = ${typeText(schema)}`
  const [base, inherited = []] = [...schemas]
    .filter(([other]) => other !== name)
    .map(([other, { properties = {} }]) => [other, Object.keys(properties)] as const)
    .filter(([other, members]) => members.length > 0 && members.every(isSameIn(schema, schemas.get(other))))
    .toSorted(([, one], [, other]) => other.length - one.length)
    .at(0) ?? ['']
  const own = Object.entries(schema.properties).filter(([member]) => !inherited.includes(member))
  const clause = base === '' ? '' : ` extends ${base}`
  const body = objectText({ ...schema, properties: Object.fromEntries(own) })
  return `${comment(schema)}export interface ${name}${clause} ${body}`
}

/** Whether two schemas have the same member of a name. */
function isSameIn(one: Schema, other: Schema | undefined): (member: string) => boolean {
  const text = (schema: Schema | undefined, member: string) =>
    JSON.stringify([schema?.properties?.[member], schema?.required?.includes(member)])
  return (member) => text(one, member) === text(other, member)
}

function comment({ description }: Schema): string {
  return description === undefined ? '' : `/** ${description} */\n`
}

function typeText(schema: Schema): string {
  const { $ref, const: constant, anyOf, enum: values } = schema
  if ($ref !== undefined) return nameOf($ref.split('/').at(-1) ?? '')
  if (constant !== undefined) return JSON.stringify(constant)
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ')
  if (anyOf !== undefined) return anyOf.map(typeText).join(' | ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeText({ ...schema, type })).join(' | ')
  switch (schema.type) {
    case 'string':
      return 'string'
    case 'integer':
    case 'number':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'null':
      return 'null'
    case 'array':
      return `readonly (${typeText(schema.items ?? {})})[]`
    case 'object':
      return objectText(schema)
    default:
      return schema.not === undefined ? 'unknown' : 'never'
  }
}

function objectText(schema: Schema): string {
  const { properties = {}, required = [], additionalProperties } = schema
  const names = Object.keys(properties)
  if (names.length === 0 && typeof additionalProperties === 'object') {
    return `Readonly<Record<string, ${typeText(additionalProperties)}>>`
  }
  const members = names.map((name) => {
    const property = properties[name] ?? {}
    return `${comment(property)}readonly ${name}${required.includes(name) ? '' : '?'}: ${typeText(property)}`
  })
  return `{\n${members.join('\n')}\n}`
}

function formatted(text: string): string {
  const biome = fileURLToPath(new URL('../node_modules/@biomejs/biome/bin/biome', import.meta.url))
  const words = [biome, 'format', `--stdin-file-path=${CLIENT_TYPES_FILE}`]
  return execFileSync(process.execPath, words, {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    input: text,
    stdio: ['pipe', 'pipe', 'inherit'],
  }).toString()
}
