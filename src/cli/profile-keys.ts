/**
 * Profile keys as options of `catchd profile add`: names, kinds and help come from the schema of the configuration
 * file, so that a new key is an option at once.
 */
import { resolve } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import * as z from 'zod'
import { ProfileEntry } from '../config/profile.js'
import { profileKey } from '../config/profile-key.js'
import { CatchdError } from '../failures.js'
import { commaList } from './arguments.js'

/** How the value of one key is read. `previous` is the value so far, where an option is repeated. */
type Reader = (text: string, previous: unknown) => unknown

const KeySchema = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  enum: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
  anyOf: z.array(z.looseObject({ type: z.string().optional(), pattern: z.string().optional() })).optional(),
})
type KeySchema = z.infer<typeof KeySchema>

/** One option a key, in the order of the schema. */
export function profileKeyOptions(): Option[] {
  const { properties = {} } = z.toJSONSchema(ProfileEntry, { io: 'input' })
  return Object.entries(properties).map(([key, property]) => optionFor(key, KeySchema.parse(property)))
}

/** @returns The keys among the options that commander has parsed. */
export function entryFrom(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = Object.keys(ProfileEntry.shape).map((key) => [key, options[optionName(key)]])
  return Object.fromEntries(given.filter(([, value]) => value !== undefined))
}

function optionFor(key: string, schema: KeySchema): Option {
  const flag = `--${key.replaceAll('_', '-')}`
  const description = schema.description ?? ''
  if (schema.type === 'boolean') {
    return new Option(`${flag} [true|false]`, description).preset('true').argParser(readBoolean)
  }
  if (schema.enum !== undefined) return new Option(`${flag} <choice>`, description).choices(schema.enum)
  if (key === 'client_secret') {
    const forms = 'JSON: {"env": "NAME"}, {"file": "path"} or {"command": ["program", "argument"]}'
    return new Option(`${flag} <json>`, forms).argParser(readClientSecret)
  }
  const [placeholder, read] = kindOf(key, schema)
  return new Option(`${flag} ${placeholder}`, description).argParser(read)
}

function kindOf(key: string, schema: KeySchema): [placeholder: string, Reader] {
  const { role } = profileKey(ProfileEntry.shape, key) ?? {}
  // A relative path on the command line means the folder the person stands in; in the file, the file's own.
  if (role === 'file') return ['<path>', (text) => resolve(text)]
  if (role === 'source') return ['<json>', readSource]
  const one = schema.anyOf?.find(({ type }) => type === 'string')
  if (one !== undefined && schema.anyOf?.some(({ type }) => type === 'array')) {
    return [one.pattern?.startsWith('^https?:') ? '<url>' : '<value>', readRepeated]
  }
  switch (schema.type) {
    case 'integer':
      return ['<number>', readInteger]
    case 'array':
      return ['<a,b>', (text, previous) => [...listOf(previous), ...commaList(text)]]
    case 'object':
      return typeof schema.additionalProperties === 'object'
        ? ['<name=value,…>', readPairs]
        : ['<json>', readObject]
    default:
      return ['<value>', (text) => text]
  }
}

function readBoolean(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new InvalidArgumentError('It must be true or false.')
}

function readInteger(text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

function readRepeated(text: string, previous: unknown): unknown {
  return previous === undefined ? text : [...listOf(previous), text]
}

/** A comma begins a new pair only where a name and an equals sign follow: values may hold commas. */
function readPairs(text: string, previous: unknown): unknown {
  const before = typeof previous === 'object' && previous !== null ? previous : {}
  if (text.trimStart().startsWith('{')) return { ...before, ...readObject(text) }
  const pairs = text.split(/,(?=[^,=\s]+=)/).map((pair) => {
    const equals = pair.indexOf('=')
    if (equals < 1)
      throw new InvalidArgumentError('It must be name=value, several separated by commas, or JSON.')
    return [pair.slice(0, equals), pair.slice(equals + 1)]
  })
  return { ...before, ...Object.fromEntries(pairs) }
}

function readObject(text: string): object {
  const value = parseJson(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new InvalidArgumentError('It must be a JSON object.')
}

function readClientSecret(text: string): object {
  return sourceOf(
    text,
    'A client secret on the command line can be read by every user of this machine; it was not used.',
    'catchd profile add NAME … --client-secret-stdin < FILE',
  )
}

function readSource(text: string): object {
  return sourceOf(text, 'It must be a JSON object that says where the token comes from.')
}

/** @param rule - Said instead of commander's message, which would repeat the value: it may be a secret. */
function sourceOf(text: string, rule: string, next = 'catchd profile add --help'): object {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CatchdError('request_invalid', { detail: rule, next })
  }
  const { file } = value as { file?: unknown }
  return typeof file === 'string' ? { ...value, file: resolve(file) } : value
}

function listOf(value: unknown): unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** As commander names an option's value: `clientId` for `--client-id`. */
function optionName(key: string): string {
  return key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}
