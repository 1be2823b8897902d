/**
 * Vault records of logins: JSON whose members are those of the login in snake_case. A kind's schema is all there is to a
 * record; what was stored is parsed like any other input. Pure.
 */
import * as z from 'zod'
import { Secret } from '../../secret.js'

/** What a schema reads, with the members named as in the program. */
export type RecordOf<Schema extends z.ZodObject> = CamelCased<z.output<Schema>>

/** A member that is a secret. */
export const SecretMember = z.codec(z.string(), z.instanceof(Secret), {
  decode: (text) => new Secret(text),
  encode: (secret) => secret.reveal(),
})

/** Members that the schema does not name are left out. */
export function writeRecord(schema: z.ZodObject, members: object): Secret {
  return new Secret(JSON.stringify(z.encode(schema, renamed({ version: 1, ...members }, toSnakeCase))))
}

/** @returns `undefined` when the item is no record of this schema: such a login has to be begun again. */
export function readRecord<Schema extends z.ZodObject>(
  schema: Schema,
  item: Secret,
): RecordOf<Schema> | undefined {
  try {
    const record = z.decode(schema, JSON.parse(item.reveal()))
    return renamed(record, toCamelCase) as RecordOf<Schema>
  } catch {
    return undefined
  }
}

type CamelCase<Name> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name

type CamelCased<Members> = Members extends Secret | string | number | boolean | null
  ? Members
  : { [Name in keyof Members as CamelCase<Name>]: CamelCased<Members[Name]> }

const toSnakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const toCamelCase = (name: string) =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

function renamed(members: object, rename: (name: string) => string): Record<string, unknown> {
  const isNested = (value: unknown) =>
    typeof value === 'object' && value !== null && !(value instanceof Secret)
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [
      rename(name),
      isNested(value) ? renamed(value, rename) : value,
    ]),
  )
}
