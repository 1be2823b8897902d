/** Profiles as a table: name, server, status, expiry, and when a person is needed next. */
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
  // A narrow terminal keeps names and states readable.
  const { isTTY, columns } = process.stdout
  const hasRoom = !isTTY || (columns || 80) >= ROOM_FOR_SERVERS
  return table(
    ['NAME', ...(hasRoom ? ['SERVER'] : []), 'STATUS', 'TOKEN EXPIRES', 'LOGIN NEEDED'],
    profiles.map((answer) => [
      answer.profile,
      ...(hasRoom ? [serverOf(answer)] : []),
      STATUS_WORDS[answer.status] ?? answer.status,
      expiry(answer, nowMs),
      loginNeeded(answer, nowMs),
    ]),
  )
}

const ROOM_FOR_SERVERS = 70

/** What a person knows the server by. */
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

/** A daemon of an older version does not say. */
function loginNeeded({ login_needed_at: at }: Partial<ProfileAnswer>, nowMs: number): string {
  if (at == null) return '-'
  return Date.parse(at) <= nowMs ? 'now' : relative(at, nowMs)
}
