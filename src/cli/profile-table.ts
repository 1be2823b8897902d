/** Profiles as a table: name, server, status, expiry, and when the next login is needed. */
import type { ProfileAnswer } from '../client/api-types.js'
import { relative } from './instants.js'
import { type Cell, table } from './output.js'

const STATUS_WORDS: Readonly<Record<string, Cell>> = {
  logged_in: { text: 'logged in', style: 'green' },
  login_required: { text: 'login required', style: 'yellow' },
  login_pending: { text: 'login pending', style: 'cyan' },
  expired: { text: 'expired', style: 'red' },
}

export function profileTable(profiles: readonly ProfileAnswer[], nowMs: number): string {
  // A narrow terminal has no column for servers, so that names and states stay readable.
  const { isTTY, columns } = process.stdout
  const showsServers = !isTTY || (columns || 80) >= COLUMNS_WITH_SERVERS
  return table(
    ['NAME', ...(showsServers ? ['SERVER'] : []), 'STATUS', 'TOKEN EXPIRES', 'LOGIN NEEDED'],
    profiles.map((answer) => [
      answer.profile,
      ...(showsServers ? [serverOf(answer)] : []),
      STATUS_WORDS[answer.status] ?? answer.status,
      expiry(answer, nowMs),
      loginNeeded(answer, nowMs),
    ]),
  )
}

const COLUMNS_WITH_SERVERS = 70

/** The server's host, or the preset, or the profile that this one extends. */
function serverOf({ configuration }: ProfileAnswer): string {
  const { issuer, base_url, authorization_endpoint, token_endpoint, resource_server } = configuration
  const url = issuer ?? base_url ?? authorization_endpoint ?? token_endpoint ?? resource_server
  if (url !== undefined && URL.canParse(url)) return new URL(url).host
  if (configuration.preset !== undefined) return configuration.preset
  return configuration.extends === undefined ? '-' : `as ${configuration.extends}`
}

function expiry({ status, expires_at }: ProfileAnswer, nowMs: number): string {
  if (expires_at !== null) return relative(expires_at, nowMs)
  return status === 'logged_in' ? 'unknown' : '-'
}

/** A daemon of an older version does not send this member. */
function loginNeeded({ login_needed_at: at }: Partial<ProfileAnswer>, nowMs: number): string {
  if (at == null) return '-'
  return Date.parse(at) <= nowMs ? 'now' : relative(at, nowMs)
}
