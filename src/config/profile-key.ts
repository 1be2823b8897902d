/**
 * What the rest of the program knows about a key of a profile. It is part of the key's schema, and all other modules
 * read it there.
 *
 * Each key is made by one of the functions below. A key that was not made by one of them has no {@link ProfileKey}: it
 * is still an option of the command line and a line of the reference, but the API hides all text in it.
 */
import * as z from 'zod'
import type { ProblemMembers } from '../failures.js'

/**
 * `endpoint`: the URL of an authorization server that its metadata may name under the same name (RFC 8414 §2).
 * `server_url`: another URL of such a server. `file`: a path, which is relative to the folder of the configuration.
 * `parameters`: names and values, which are merged name by name with those of a preset. `source`: where a secret comes
 * from. `setting`: anything else that is no secret.
 */
type Role = 'endpoint' | 'server_url' | 'file' | 'parameters' | 'source' | 'setting'

export interface ProfileKey {
  readonly role: Role
  /**
   * What the API shows of the value: all of it, or the parameters or headers that are known to hold no secret. Without
   * this, text is hidden; a source that is not text is shown, because it says only where the secret comes from.
   */
  readonly shown?: true | 'known_parameters' | 'known_headers' | undefined
  /** The dialog of the dashboard has this field. Without it: none. */
  readonly field?: FormField | undefined
  /** No request to this URL carries a secret. Without this, the URL of a server counts as a place that secrets go to. */
  readonly getsNoSecret?: true | undefined
}

/** A field of a form, in everyday words. */
export interface FormField {
  readonly label: string
  readonly help: string
  /** Most profiles do not need it. */
  readonly isSeldom?: true
}

const KEYS = z.registry<ProfileKey>()

declare const ROLE: unique symbol
declare const SHOWN: unique symbol
/** A schema whose type knows what the key is. */
type Key<Schema, OfRole extends Role, Shown> = Schema & {
  readonly [ROLE]: OfRole
  readonly [SHOWN]: Shown
}

function key<Schema extends z.ZodType, const Meta extends ProfileKey>(schema: Schema, meta: Meta) {
  KEYS.add(schema, meta)
  return schema as Key<Schema, Meta['role'], Meta['shown']>
}

/** zod's own message is for programmers. */
export const text = () => z.string().min(1, 'must not be empty')

/** Which URLs may be plain http is a rule over the resolved profile: rules.ts. */
export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .regex(/^https?:\/\//i, 'must be an http or https URL')

/** Requests to an endpoint carry secrets, unless `more` says that none does. */
export function endpoint(description: string, more: Pick<ProfileKey, 'getsNoSecret'> = {}) {
  return key(httpUrl.describe(description), { role: 'endpoint', shown: true, ...more })
}

export function serverUrl(description: string, more: Pick<ProfileKey, 'getsNoSecret' | 'field'> = {}) {
  return key(httpUrl.describe(description), { role: 'server_url', shown: true, ...more })
}

export function file(description: string) {
  return key(text().describe(description), { role: 'file', shown: true })
}

export function parameters<Schema extends z.ZodType, const Shown extends ProfileKey['shown']>(
  schema: Schema,
  description: string,
  shown: Shown,
) {
  return key(schema.describe(description), { role: 'parameters', shown })
}

export function source<Schema extends z.ZodType>(schema: Schema, description: string, field?: FormField) {
  return key(schema.describe(description), { role: 'source', shown: undefined, field })
}

/** For values that are no secret. They are shown. */
export function setting<Schema extends z.ZodType>(schema: Schema, description: string, field?: FormField) {
  return key(schema.describe(description), { role: 'setting', shown: true, field })
}

type Shape = Readonly<Record<string, z.ZodType>>

/** For a form: the key of a profile that a rule is about. The rule is a sentence, or its end. */
export function atKey(name: string, detail: string): ProblemMembers {
  return { errors: [{ in: 'body', name, detail }] }
}

/** Names of the keys of these roles. */
export type KeyOf<Keys extends Shape, OfRole extends Role> = {
  [Name in keyof Keys]: Keys[Name] extends z.ZodOptional<{ readonly [ROLE]: OfRole } & z.ZodType>
    ? Name
    : never
}[keyof Keys]
/** Names of the keys that are shown as a whole. */
export type ShownKeyOf<Keys extends Shape> = {
  [Name in keyof Keys]: Keys[Name] extends z.ZodOptional<{ readonly [SHOWN]: true } & z.ZodType>
    ? Name
    : never
}[keyof Keys]

/** @returns `undefined` for a name that is not in the shape, and for a key that does not say what it is. */
export function profileKey(shape: Shape, name: string): ProfileKey | undefined {
  const schema = Object.hasOwn(shape, name) ? shape[name] : undefined
  if (schema === undefined) return undefined
  return KEYS.get(schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema)
}

export function keysOf<const Keys extends Shape, const OfRole extends Role>(
  shape: Keys,
  ...roles: readonly OfRole[]
): readonly KeyOf<Keys, OfRole>[] {
  const names = Object.keys(shape).filter((name) =>
    (roles as readonly unknown[]).includes(profileKey(shape, name)?.role),
  )
  return names as KeyOf<Keys, OfRole>[]
}
