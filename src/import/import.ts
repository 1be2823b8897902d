/**
 * Translates the configuration of another program into profiles, with notes about settings that could not be imported.
 * Pure: one file per program reads its text, and src/cli/import.ts writes the profiles.
 *
 * Refresh tokens are not imported. Most servers rotate them, so one of the two programs would end the session of the
 * other.
 */
import type { ProfileEntry } from '../client/api-types.js'
import { CatchdError } from '../failures.js'

export interface ImportedProfile {
  /** The name in the other program. src/cli/import.ts makes a valid profile name from it. */
  readonly name: string
  readonly entry: ProfileEntry
  /** Sentences about settings that were not imported, or that the user has to change. */
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

/** @throws CatchdError `request_invalid` if the text is not in the format of this program */
export type Reader = (text: string) => Imported

export const REFRESH_TOKEN_STAYS = 'The refresh token stays in the other program. Log in once with catchd.'

/** @param next - The command that prints the configuration in the right format, if there is one. */
export function notReadable(program: string, rule: string, next = 'catchd import --help'): CatchdError {
  return new CatchdError('request_invalid', {
    detail: `This is not a configuration of ${program}: ${rule}`,
    next,
  })
}

/** @throws CatchdError `request_invalid` */
export function parseJsonOf(program: string, text: string, next?: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (isRecord(value)) return value
  } catch {
    // The error below does not quote the text, because it can contain a secret.
  }
  throw notReadable(program, 'it is not a JSON object.', next)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text of a member; `undefined` if it is missing or empty. */
export function textOf(record: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = record[name]
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

/** The texts in a list. Values of other kinds are left out. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** Removes the members that are undefined. */
export function entryOf(
  keys: { readonly [Key in keyof ProfileEntry]: ProfileEntry[Key] | undefined },
): ProfileEntry {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined))
}

/** @param names - Of the settings; their values may be secrets. @returns No note if there are none. */
export function notImported(names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`These settings were not imported: ${[...new Set(names)].join(', ')}.`]
}

/** Only a loopback redirect URI reaches this machine. Any other was for a page of that program's vendor. */
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
    notes: [
      `The redirect URI ${redirectUri} is not on this machine. Register the redirect URI of catchd instead.`,
    ],
  }
}
