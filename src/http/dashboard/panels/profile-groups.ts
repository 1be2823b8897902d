/** How the list of profiles is sorted, filtered and cut to a bounded part. Pure. */
import { needsNoPerson } from '../../../config/grants.js'
import type { ProfileOverview } from '../overview.js'
import type { Tone } from './pieces.js'

/** What of the profiles the page shows now. The page sends it with every update, so that an update is bounded. */
export interface ProfilesView {
  /** Typed into the search field. */
  readonly find: string
  readonly group: Group | 'all'
  /** At most this many rows. */
  readonly most: number
  /** Names of the open rows; `undefined`: the page has not decided yet. */
  readonly open?: ReadonlySet<string> | undefined
}

/** Rows of the first view, and how many more each click shows. */
export const ROWS_AT_ONCE = 50
export const MOST_ROWS = 500
export const FIRST_VIEW: ProfilesView = { find: '', group: 'all', most: ROWS_AT_ONCE }

/** In the order of the list: what needs a person comes first. */
export const GROUPS = {
  login: 'Login required',
  waiting: 'Waiting',
  failing: 'Refresh failing',
  fine: 'Ready',
} as const
export type Group = keyof typeof GROUPS

interface Status {
  readonly group: Group
  readonly tone: Tone
  readonly words: string
}

const STATUSES: Readonly<Record<ProfileOverview['status'], Status>> = {
  login_required: { group: 'login', tone: 'denied', words: 'Login required' },
  expired: { group: 'login', tone: 'failed', words: 'Expired' },
  login_pending: { group: 'waiting', tone: 'waiting', words: 'Waiting for you' },
  logged_in: { group: 'fine', tone: 'done', words: 'Logged in' },
  locked: { group: 'fine', tone: 'over', words: 'Locked' },
}
const FAILING: Status = { group: 'failing', tone: 'failed', words: 'Refresh failing' }
const UNREADABLE: Status = { group: 'login', tone: 'failed', words: 'Not readable' }
/** A profile whose grant needs no user is never shown as logged in. */
const AUTOMATIC: Status = { group: 'fine', tone: 'done', words: 'No login needed' }

export function statusOf(profile: ProfileOverview): Status {
  if (profile.status === 'locked') return STATUSES.locked
  if (profile.failure !== null) return UNREADABLE
  if (profile.failing !== null && (isAutomatic(profile) || profile.status === 'logged_in')) return FAILING
  return isAutomatic(profile) ? AUTOMATIC : STATUSES[profile.status]
}

export function isAutomatic({ entry: { grant } }: ProfileOverview): boolean {
  return grant !== undefined && needsNoPerson(grant)
}

/** The server's host; if no URL is configured, the preset's name. */
export function serverOf({ entry }: ProfileOverview): string {
  const { base_url, issuer, resource_server, token_endpoint, preset } = entry
  const url = base_url ?? issuer ?? resource_server ?? token_endpoint
  return url !== undefined && URL.canParse(url) ? new URL(url).host : (preset ?? 'an inherited server')
}

export interface FoundProfiles {
  /** Of the profiles that the search finds. */
  readonly counts: ReadonlyMap<Group, number>
  readonly found: number
  /** In the chosen group. */
  readonly chosen: number
  /** The first of them. */
  readonly shown: readonly ProfileOverview[]
}

const RANKS = Object.keys(GROUPS)

export function findProfiles(profiles: readonly ProfileOverview[], view: ProfilesView): FoundProfiles {
  const { compare } = new Intl.Collator('en', { numeric: true })
  const wanted = view.find.trim().toLowerCase()
  const found = profiles
    .map((profile) => ({ profile, status: statusOf(profile) }))
    .filter(({ profile, status }) => textOf(profile, status).includes(wanted))
  const counts = new Map<Group, number>()
  for (const { status } of found) counts.set(status.group, (counts.get(status.group) ?? 0) + 1)
  const chosen = found
    .filter(({ status }) => view.group === 'all' || status.group === view.group)
    .sort(
      (one, other) =>
        RANKS.indexOf(one.status.group) - RANKS.indexOf(other.status.group) ||
        compare(one.profile.name, other.profile.name),
    )
  return {
    counts,
    found: found.length,
    chosen: chosen.length,
    shown: chosen.slice(0, view.most).map(({ profile }) => profile),
  }
}

function textOf(profile: ProfileOverview, { words }: Status): string {
  return [profile.name, words, profile.subject ?? '', serverOf(profile)].join('\n').toLowerCase()
}
