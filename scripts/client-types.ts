/**
 * The types of the API for the published library, written out from the schemas that the daemon validates with: the
 * library's declarations then need no other package.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { ProfileEntry } from '../src/config/profile.js'
import { DashboardLinkAnswer } from '../src/http/api/dashboard-links.js'
import { InspectionAnswer } from '../src/http/api/inspection.js'
import { ClientAction } from '../src/http/api/principal.js'
import {
  ClientAnswer,
  IdTokenAnswer,
  LoginAnswer,
  NewClientAnswer,
  ProfileAnswer,
  ProofAnswer,
  StartedLoginAnswer,
  StatusAnswer,
  TokenAnswer,
  VaultMigration,
  VaultMigrationAnswer,
} from '../src/http/api/wire.js'

/** Where it is kept, from the root of the repository. */
export const CLIENT_TYPES_FILE = 'src/client/api-types.ts'

const TYPES: Readonly<Record<string, z.ZodType>> = {
  TokenAnswer,
  IdTokenAnswer,
  StartedLoginAnswer,
  SettledLoginAnswer: LoginAnswer,
  ProfileEntry,
  ProfileAnswer,
  ClientAction,
  ClientAnswer,
  ClientWithKey: NewClientAnswer,
  DaemonStatus: StatusAnswer,
  NewVault: VaultMigration,
  VaultMigration: VaultMigrationAnswer,
  InspectionAnswer,
  ProofAnswer,
  DashboardLink: DashboardLinkAnswer,
}

/** As far as our own schemas use JSON Schema. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
}

export function renderClientTypes(): string {
  const types = Object.entries(TYPES).map(([name, type]) => {
    const schema = z.toJSONSchema(type, { io: name === 'ProfileEntry' ? 'input' : 'output' }) as Schema
    const text = typeText(schema, schema.$defs ?? {})
    return text.startsWith('{') ? `export interface ${name} ${text}` : `export type ${name} = ${text}`
  })
  const header =
    '/**\n * The JSON of the API, version 1. Written by `npm run generate` from the schemas of the daemon; not edited by hand.\n */'
  return formatted([header, ...types].join('\n\n'))
}

function typeText(schema: Schema, definitions: Readonly<Record<string, Schema>>): string {
  const inner = (nested: Schema) => typeText(nested, definitions)
  const { $ref, const: constant, anyOf, enum: values } = schema
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) ?? ''
    return name === 'ProfileConfiguration' ? 'ProfileEntry' : inner(definitions[name] ?? {})
  }
  if (constant !== undefined) return JSON.stringify(constant)
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ')
  if (anyOf !== undefined) return anyOf.map(inner).join(' | ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => inner({ ...schema, type })).join(' | ')
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
      return `readonly (${inner(schema.items ?? {})})[]`
    case 'object':
      return objectText(schema, inner)
    default:
      return 'unknown'
  }
}

function objectText(schema: Schema, inner: (nested: Schema) => string): string {
  const { properties = {}, required = [], additionalProperties } = schema
  const names = Object.keys(properties)
  if (names.length === 0 && typeof additionalProperties === 'object') {
    return `Readonly<Record<string, ${inner(additionalProperties)}>>`
  }
  const members = names.map((name) => {
    const property = properties[name] ?? {}
    const comment = property.description === undefined ? '' : `/** ${property.description} */\n`
    return `${comment}readonly ${name}${required.includes(name) ? '' : '?'}: ${inner(property)}`
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
