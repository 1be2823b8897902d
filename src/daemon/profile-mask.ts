/**
 * A profile's entry as the API shows it: text of a key that does not say it is shown reads `[secret]`, and what was
 * shown can be put back. Pure. A client secret that stands elsewhere is shown as where it comes from; of headers and
 * parameters that only the token endpoint sees, those show their value that are known to hold no secret.
 */
import { SHOWN_PARAMETERS } from '../authorization-server/transcript.js'
import { ProfileEntry } from '../config/profile.js'
import { type ProfileKey, profileKey } from '../config/profile-key.js'

const MASK = '[secret]'

/** Say what is wanted or who asks, never who may. */
const SHOWN_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-language',
  'content-type',
  'user-agent',
])

/** Which names among parameters and headers show their value. */
const IS_KNOWN = {
  known_parameters: (name: string) => SHOWN_PARAMETERS.has(name),
  known_headers: (name: string) => SHOWN_HEADERS.has(name.toLowerCase()),
} as const

type Shape = typeof ProfileEntry.shape
type Members = Readonly<Record<string, unknown>>

/** What may be a secret is not repeated to anybody. */
export function masked(entry: ProfileEntry, shape: Partial<Shape> = ProfileEntry.shape): ProfileEntry {
  return mapMembers(entry, (name, value) => {
    const meta = profileKey(shape, name)
    return isPublic(value, meta) ? value : withoutText(value, meta)
  })
}

/** @param before - The entry that was shown; a mask stands for what is there already, and else for nothing. */
export function unmasked(
  entry: ProfileEntry,
  before: ProfileEntry,
  shape: Partial<Shape> = ProfileEntry.shape,
): ProfileEntry {
  return mapMembers(entry, (name, value) =>
    isPublic(value, profileKey(shape, name)) ? value : withText(value, (before as Members)[name]),
  )
}

/** A source that is no text says where the secret is. */
function isPublic(value: unknown, meta: ProfileKey | undefined): boolean {
  return meta?.shown === true || (meta?.role === 'source' && typeof value !== 'string')
}

function withoutText(value: unknown, meta?: ProfileKey): unknown {
  if (typeof value === 'string') return value === '' ? '' : MASK
  if (Array.isArray(value)) return value.map((element) => withoutText(element))
  if (!isMembers(value)) return value
  const isKnown = meta?.shown === undefined || meta.shown === true ? () => false : IS_KNOWN[meta.shown]
  return mapMembers(value, (name, member) => (isKnown(name) ? member : withoutText(member)))
}

function withText(value: unknown, before: unknown): unknown {
  if (value === MASK) return before
  if (Array.isArray(value)) {
    return value.map((element, index) => withText(element, Array.isArray(before) ? before[index] : undefined))
  }
  if (!isMembers(value)) return value
  return mapMembers(value, (name, member) => withText(member, isMembers(before) ? before[name] : undefined))
}

/** Members whose new value is `undefined` are left out. */
function mapMembers<Value extends object>(
  value: Value,
  change: (name: string, member: unknown) => unknown,
): Value {
  const changed = Object.entries(value).map(([name, member]) => [name, change(name, member)])
  return Object.fromEntries(changed.filter(([, member]) => member !== undefined)) as Value
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null
}
