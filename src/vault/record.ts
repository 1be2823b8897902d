/**
 * Vault records: JSON with the members of a value in snake_case, and the version of the format. The schema of a record is
 * its only description. Stored records are parsed like any other input. Pure.
 */
import * as z from 'zod'
import { Secret } from '../secret.js'

/** What a schema reads, with the members named as in the program. */
export type RecordOf<Schema extends z.ZodObject> = CamelCased<Omit<z.output<Schema>, 'version'>>

/** A member that is a secret. */
export const SecretMember = z.codec(z.string(), z.instanceof(Secret), {
  decode: (text) => new Secret(text),
  encode: (secret) => secret.reveal(),
})

/** Their own members have names that a server or a standard chose: they are stored as they are. */
const NOT_RENAMED = ['parameters', 'urls'] as const
type NotRenamed = (typeof NOT_RENAMED)[number]

/** Leaves out members that the schema does not name. */
export function writeRecord(schema: z.ZodObject, members: object): Secret {
  return new Secret(JSON.stringify(toRecord(schema, { version: 1, ...members })))
}

/** @returns `undefined` when the item is no record of this schema */
export function readRecord<Schema extends z.ZodObject>(
  schema: Schema,
  item: Secret,
): RecordOf<Schema> | undefined {
  try {
    const { version: _, ...record } = fromRecord(schema, JSON.parse(item.reveal()))
    return record as RecordOf<Schema>
  } catch {
    return undefined
  }
}

/** JSON with the members that the schema names. */
export function toRecord(schema: z.ZodObject, members: object): object {
  return z.encode(schema, renamed(members, toSnakeCase))
}

/** @throws ZodError when the JSON does not match the schema */
export function fromRecord<Schema extends z.ZodObject>(
  schema: Schema,
  json: unknown,
): CamelCased<z.output<Schema>> {
  return renamed(z.decode(schema, json as z.input<Schema>), toCamelCase) as CamelCased<z.output<Schema>>
}

type CamelCase<Name> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name

type CamelCased<Members> = Members extends Secret | string | number | boolean | null | readonly unknown[]
  ? Members
  : {
      readonly [Name in keyof Members as CamelCase<Name>]: Name extends NotRenamed
        ? Members[Name]
        : CamelCased<Members[Name]>
    }

const toSnakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const toCamelCase = (name: string) =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

function renamed(members: object, rename: (name: string) => string): Record<string, unknown> {
  const isNested = (name: string, value: unknown) =>
    !NOT_RENAMED.some((kept) => kept === name) &&
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret)
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [
      rename(name),
      isNested(name, value) ? renamed(value, rename) : value,
    ]),
  )
}
