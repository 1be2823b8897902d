/**
 * What another program's configuration says in terms of a profile, and what of it could not be carried over. Pure: a
 * file per program reads its text; src/cli/import.ts writes the profiles.
 *
 * Refresh tokens stay behind: most servers rotate them, so that one of the two programs would end the other's session.
 */
import type { ProfileEntry } from '../client/api-types.js'
import { CatchdError } from '../failures.js'

export interface ImportedProfile {
  /** As the other program calls it; made a profile's name by whoever writes it. */
  readonly name: string
  readonly entry: ProfileEntry
  /** What has no place here, or needs a person; sentences. */
  readonly notes: readonly string[]
}

/** A URL that `catchd login` makes a profile from. */
export interface ImportedUrl {
  readonly name: string
  readonly url: string
}

export interface Imported {
  readonly profiles: readonly ImportedProfile[]
  readonly urls: readonly ImportedUrl[]
}

/** @throws CatchdError `request_invalid` when the text is not what this program writes */
export type Reader = (text: string) => Imported

export const REFRESH_TOKEN_STAYS = 'Its refresh token stays there; log in once.'

/** @param next - What prints it as it is read here, where it is another program that does. */
export function notReadable(program: string, rule: string, next = 'catchd import --help'): CatchdError {
  return new CatchdError('request_invalid', {
    detail: `This is nothing of ${program}: ${rule}`,
    next,
  })
}

/** @throws CatchdError `request_invalid` */
export function parseJsonOf(program: string, text: string, next?: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (isRecord(value)) return value
  } catch {
    // said below, without what was read: it may hold a secret
  }
  throw notReadable(program, 'it is not a JSON object.', next)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A member that is there and not empty. */
export function textOf(record: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = record[name]
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

/** Without what is undefined. */
export function entryOf(
  keys: { readonly [Key in keyof ProfileEntry]: ProfileEntry[Key] | undefined },
): ProfileEntry {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined))
}

/** Only loopback comes back to this machine; anything else was for a page of that program's vendor. */
export function loopbackOnly(redirectUri: string | undefined): {
  redirect_uri: string | undefined
  notes: string[]
} {
  if (redirectUri === undefined) return { redirect_uri: undefined, notes: [] }
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined
  const isOurs = url !== undefined && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  if (isOurs) return { redirect_uri: redirectUri, notes: [] }
  return {
    redirect_uri: undefined,
    notes: [`The redirect URI ${redirectUri} is not on this machine: register catchd's own.`],
  }
}
