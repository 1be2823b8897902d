/**
 * The types of the API for the published library, written out from the schemas that the daemon validates with: the
 * library's declarations then need no other package.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { DashboardLinkAnswer } from '../src/http/api/dashboard-links.js'
import { InspectionAnswer } from '../src/http/api/inspection.js'
import { LoginAnswer, StartedLoginAnswer } from '../src/http/api/login-answers.js'
import {
  ClientAnswer,
  IdTokenAnswer,
  NewClientAnswer,
  ProfileAnswer,
  ProfileConfiguration,
  ProofAnswer,
  StatusAnswer,
  TokenAnswer,
  VaultMigrationAnswer,
} from '../src/http/api/wire.js'

/** Where it is kept, from the root of the repository. */
export const CLIENT_TYPES_FILE = 'src/client/api-types.ts'

/** What calls answer; what these consist of is written out with them. `ProfileEntry` is first, as it is put in. */
const TYPES: Readonly<Record<string, z.ZodType>> = {
  ProfileEntry: ProfileConfiguration,
  TokenAnswer,
  IdTokenAnswer,
  StartedLoginAnswer,
  LoginAnswer,
  ProfileAnswer,
  ClientAnswer,
  ClientWithKey: NewClientAnswer,
  DaemonStatus: StatusAnswer,
  VaultMigration: VaultMigrationAnswer,
  InspectionAnswer,
  ProofAnswer,
  DashboardLink: DashboardLinkAnswer,
}

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
  const types = new Map<string, string>()
  for (const [root, type] of Object.entries(TYPES)) {
    // Each schema has an id, so that all of it is in the definitions.
    const { $defs = {} } = z.toJSONSchema(type, {
      io: root === 'ProfileEntry' ? 'input' : 'output',
    }) as Schema
    for (const [id, schema] of Object.entries($defs)) {
      const name = nameOf(id)
      if (name !== 'FailureCode' && !types.has(name)) types.set(name, declaration(name, schema))
    }
  }
  return formatted([HEADER, ...types.values()].join('\n\n'))
}

function declaration(name: string, schema: Schema): string {
  const text = typeText(schema)
  const type = text.startsWith('{') ? `interface ${name} ${text}` : `type ${name} = ${text}`
  return `${comment(schema)}export ${type}`
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
