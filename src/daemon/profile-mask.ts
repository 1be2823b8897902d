/**
 * A profile's entry as the API shows it: what may be a secret reads `[secret]`, and what was shown can be put back.
 * Pure. A client secret that stands elsewhere is shown as where it comes from; of headers and parameters that only the
 * token endpoint sees, those show their value that are known to hold no secret.
 */
import { isShownParameter } from '../authorization-server/transcript.js'
import type { ProfileEntry } from '../config/profile.js'

const MASK = '[secret]'

/** Say what is wanted or who asks, never who may. */
const SHOWN_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-language',
  'content-type',
  'user-agent',
])

/** Members of an entry whose values go to the token endpoint alone, and which names in them are shown. */
const GUARDED = {
  token_request_headers: (name: string) => SHOWN_HEADERS.has(name.toLowerCase()),
  token_parameters: isShownParameter,
  refresh_parameters: isShownParameter,
} as const
const MEMBERS = Object.keys(GUARDED) as (keyof typeof GUARDED)[]

/** What may be a secret is not repeated to anybody. */
export function masked(entry: ProfileEntry): ProfileEntry {
  const shown = { ...entry }
  if (typeof entry.client_secret === 'string') shown.client_secret = MASK
  for (const member of MEMBERS) {
    const values = entry[member]
    if (values !== undefined) shown[member] = maskedValues(values, GUARDED[member])
  }
  return shown
}

/** @param before - The entry that was shown; a mask stands for what is there already, and else for nothing. */
export function unmasked(entry: ProfileEntry, before: ProfileEntry): ProfileEntry {
  const { client_secret: secret, ...rest } = entry
  const meant: ProfileEntry = { ...rest }
  const kept = secret === MASK ? before.client_secret : secret
  if (kept !== undefined) meant.client_secret = kept
  for (const member of MEMBERS) {
    const values = entry[member]
    if (values !== undefined) meant[member] = unmaskedValues(values, before[member] ?? {})
  }
  return meant
}

type Values = Readonly<Record<string, string>>

function maskedValues(values: Values, isShown: (name: string) => boolean): Record<string, string> {
  const hide = ([name, value]: [string, string]) => [name, value === '' || isShown(name) ? value : MASK]
  return Object.fromEntries(Object.entries(values).map(hide))
}

function unmaskedValues(values: Values, before: Values): Record<string, string> {
  const meant = Object.entries(values).map(([name, value]) => [name, value === MASK ? before[name] : value])
  return Object.fromEntries(meant.filter(([, value]) => value !== undefined))
}
