/**
 * Profile keys as options of `catchd profile add`. Names, kinds and help come from the schema of the configuration file,
 * so a new key is an option without more code.
 */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import * as z from 'zod'
import { parseJson } from '../client/daemon-error.js'
import { GRANT_TYPES, grantNamed, shortGrant } from '../config/grants.js'
import { groupedKeys, ProfileEntry } from '../config/profile.js'
import { profileKey } from '../config/profile-key.js'
import { CatchdError } from '../failures.js'
import { commaList } from './arguments.js'
import { MOST_USED } from './help.js'

/** Reads the value of one key. `previous` is the value so far, if the option is repeated. */
type Reader = (text: string, previous: unknown) => unknown

const KeySchema = z.looseObject({
  type: z.string().optional(),
  pattern: z.string().optional(),
  description: z.string().optional(),
  enum: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
  anyOf: z.array(z.looseObject({ type: z.string().optional(), pattern: z.string().optional() })).optional(),
})
type KeySchema = z.infer<typeof KeySchema>

/** What a first profile needs. `--client-secret-stdin` is among them, although it is no key. */
const FIRST: readonly string[] = [
  'preset',
  'base_url',
  'issuer',
  'client_id',
  'scope',
] satisfies (keyof ProfileEntry)[]

/** One option for each key, in the order of the schema, with the group for the help. */
export function profileKeyOptions(): Option[] {
  const { properties = {} } = z.toJSONSchema(ProfileEntry, { io: 'input' })
  return groupedKeys().map(({ group, key }) =>
    optionFor(key, KeySchema.parse(properties[key])).helpGroup(FIRST.includes(key) ? MOST_USED : `${group}:`),
  )
}

/** @returns The keys among the options that commander has parsed. */
export function entryFrom(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = Object.keys(ProfileEntry.shape).map((key) => [
    key,
    options[new Option(flagOf(key)).attributeName()],
  ])
  return Object.fromEntries(given.filter(([, value]) => value !== undefined))
}

/** @param words - Options as of `catchd profile add`. */
export function entryOf(words: readonly string[]): Record<string, unknown> {
  const command = new Command().exitOverride()
  for (const option of profileKeyOptions()) command.addOption(option)
  return entryFrom(command.parse(words, { from: 'user' }).opts())
}

/** The daemon names keys of the file. On the command line they are options. */
export function inOptions(error: unknown): unknown {
  const isRefusal =
    error instanceof CatchdError && (error.code === 'config_invalid' || error.code === 'profile_invalid')
  if (!isRefusal || error.detail === undefined) return error
  // Without quotes, a key of one word can also be a word of the sentence.
  const written = (key: string) => (key.includes('_') ? new RegExp(`"?\\b${key}\\b"?`, 'g') : `"${key}"`)
  const detail = Object.keys(ProfileEntry.shape).reduce(
    (text, key) => text.replaceAll(written(key), flagOf(key)),
    error.detail,
  )
  return error.saying({ detail: `${detail} The profile was not saved.` })
}

function optionFor(key: string, schema: KeySchema): Option {
  const flag = flagOf(key)
  const description = beginningSmall(schema.description ?? '')
  if (schema.type === 'boolean') {
    return new Option(`${flag} [true|false]`, description).preset('true').argParser(readBoolean)
  }
  if (key === 'grant') {
    return new Option(`${flag} <choice>`, description)
      .choices(GRANT_TYPES.map(shortGrant))
      .argParser(readGrant)
  }
  if (schema.enum !== undefined) return new Option(`${flag} <choice>`, description).choices(schema.enum)
  if (key === 'client_secret') {
    const forms = 'JSON: {"env": "NAME"}, {"file": "path"} or {"command": ["program", "argument"]}'
    return new Option(`${flag} <json>`, forms).argParser(readClientSecret)
  }
  const [placeholder, read] = kindOf(key, schema)
  return new Option(`${flag} ${placeholder}`, description).argParser(read)
}

function flagOf(key: string): string {
  return `--${key.replaceAll('_', '-')}`
}

function urlOrValue({ pattern }: { readonly pattern?: string | undefined }): string {
  return pattern?.startsWith('^https?:') ? '<url>' : '<value>'
}

/** Options are described in small letters. Words such as PEM and UserInfo keep theirs. */
function beginningSmall(text: string): string {
  return text.replace(/^[A-Z](?=[a-z]*[^A-Za-z])/, (letter) => letter.toLowerCase())
}

function kindOf(key: string, schema: KeySchema): [placeholder: string, Reader] {
  const { role } = profileKey(ProfileEntry.shape, key) ?? {}
  // A relative path on the command line is relative to the current folder; in the file, to the file's folder.
  if (role === 'file') return ['<path>', (text) => resolve(text)]
  if (role === 'source') return ['<json>', readSource]
  const one = schema.anyOf?.find(({ type }) => type === 'string')
  if (one !== undefined && schema.anyOf?.some(({ type }) => type === 'array')) {
    return [urlOrValue(one), readRepeated]
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
      return [urlOrValue(schema), (text) => text]
  }
}

function readGrant(text: string): string {
  const grant = grantNamed(text)
  if (grant !== undefined) return grant
  throw new InvalidArgumentError(`Allowed choices are ${GRANT_TYPES.map(shortGrant).join(', ')}.`)
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

/** A comma begins a new pair only before a name and an equals sign, because values can contain commas. */
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
  const value = jsonObject(text)
  if (value === undefined) throw new InvalidArgumentError('It must be a JSON object.')
  return value
}

function readClientSecret(text: string): object {
  return sourceOf(
    text,
    'Every user of this machine can read a client secret on the command line, so it was not used. Use --client-secret-stdin, or catchd profile set-secret afterwards.',
  )
}

function readSource(text: string): object {
  return sourceOf(text, 'It must be a JSON object that names the source of the token.')
}

/** @param rule - Printed instead of commander's message, which would repeat the value. The value can be a secret. */
function sourceOf(text: string, rule: string): object {
  const value = jsonObject(text)
  if (value === undefined)
    throw new CatchdError('request_invalid', { detail: rule, next: 'catchd profile add --help' })
  const { file } = value
  return typeof file === 'string' ? { ...value, file: resolve(file) } : value
}

function listOf(value: unknown): unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function jsonObject(text: string): { readonly file?: unknown } | undefined {
  const value = parseJson(text)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}
