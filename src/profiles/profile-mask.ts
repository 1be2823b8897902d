/**
 * A profile's entry as the API shows it: text in a key reads `[secret]` unless the key is marked as shown, and a masked
 * entry can be written back. Pure. A client secret with a source is shown as that source. Of the headers and parameters
 * for the token endpoint, only those are shown that are known to hold no secret: by their name, or because the value is
 * only a placeholder.
 */
import { SHOWN_PARAMETERS } from '../authorization-server/sent-values.js'
import { isPlaceholder } from '../config/placeholders.js'
import { ProfileEntry } from '../config/profile.js'
import { type ProfileKey, profileKey } from '../config/profile-key.js'

const MASK = '[secret]'

/** Headers that describe the request or the program, never a permission. */
const SHOWN_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-language',
  'content-type',
  'user-agent',
])

/** Whether the value of a parameter or header is shown. */
const IS_KNOWN = {
  known_parameters: (name: string, value: unknown) =>
    SHOWN_PARAMETERS.has(name) || (typeof value === 'string' && isPlaceholder(value)),
  known_headers: (name: string) => SHOWN_HEADERS.has(name.toLowerCase()),
} as const

type Shape = typeof ProfileEntry.shape
type Members = Readonly<Record<string, unknown>>

export function masked(entry: ProfileEntry, shape: Partial<Shape> = ProfileEntry.shape): ProfileEntry {
  return mapMembers(entry, (name, value) => {
    const meta = profileKey(shape, name)
    return isPublic(value, meta) ? value : withoutText(value, meta)
  })
}

/** @param before - The entry that was shown. A mask means the value in it; if there is none, the member is left out. */
export function unmasked(
  entry: ProfileEntry,
  before: ProfileEntry,
  shape: Partial<Shape> = ProfileEntry.shape,
): ProfileEntry {
  return mapMembers(entry, (name, value) =>
    isPublic(value, profileKey(shape, name)) ? value : withText(value, (before as Members)[name]),
  )
}

/** A source that is not a text says where the secret is. */
function isPublic(value: unknown, meta: ProfileKey | undefined): boolean {
  return meta?.shown === true || (meta?.role === 'source' && typeof value !== 'string')
}

function withoutText(value: unknown, meta?: ProfileKey): unknown {
  if (typeof value === 'string') return value === '' ? '' : MASK
  if (Array.isArray(value)) return value.map((element) => withoutText(element))
  if (!isMembers(value)) return value
  const isKnown = meta?.shown === undefined || meta.shown === true ? () => false : IS_KNOWN[meta.shown]
  return mapMembers(value, (name, member) => (isKnown(name, member) ? member : withoutText(member)))
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
