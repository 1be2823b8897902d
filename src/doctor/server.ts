/**
 * One profile's authorization server: its endpoints, its metadata, whether the token endpoint can be reached with
 * the profile's `ca_file`, and whether its clock and ours agree. The only checks that use the network.
 *
 * No credential is sent: the token endpoint is asked with a bare GET, which it may well refuse.
 */
import { Metadata, type ServerMetadata } from '../authorization-server/metadata.js'
import { ServerConnections } from '../authorization-server/server-connections.js'
import { systemClock } from '../clock.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, EXIT } from '../failures.js'
import { VERSION } from '../version.js'
import { type Finding, fail, failed, ok, warn } from './finding.js'

/** Beyond this, id_tokens and signed assertions may be refused for being too old or not valid yet. */
const NOTABLE_SKEW_SECONDS = 30
const HARMFUL_SKEW_SECONDS = 300

export async function examineServer(profile: Profile): Promise<Finding[]> {
  const connections = new ServerConnections()
  try {
    const findings = [describeProfile(profile)]
    const metadata = await examineMetadata(profile, connections)
    findings.push(metadata.finding)
    const tokenEndpoint = profile.token_endpoint ?? metadata.known?.token_endpoint
    if (tokenEndpoint !== undefined) {
      findings.push(...(await examineTokenEndpoint(profile, tokenEndpoint, connections)))
    }
    return findings
  } finally {
    connections.close()
  }
}

function describeProfile({ name, grant, client_id, redirect_uri }: Profile): Finding {
  const redirect = grant === 'authorization_code' ? `, redirect URI ${redirect_uri}` : ''
  return ok('profile', `${name}: ${grant}, client ${client_id}${redirect}`)
}

async function examineMetadata(
  profile: Profile,
  connections: ServerConnections,
): Promise<{ finding: Finding; known: ServerMetadata | undefined }> {
  const check = 'endpoints'
  try {
    const known = await new Metadata(connections, systemClock).of(profile)
    const { authorization_endpoint, token_endpoint } = known
    const endpoints = [
      authorization_endpoint === undefined ? undefined : `authorization ${authorization_endpoint}`,
      token_endpoint === undefined ? undefined : `token ${token_endpoint}`,
    ].filter((endpoint) => endpoint !== undefined)
    const source = profile.issuer === undefined ? 'as configured' : `issuer ${profile.issuer}`
    return { finding: ok(check, `${source}: ${endpoints.join(', ')}`), known }
  } catch (error) {
    return { finding: failed(check, asCatchdError(error).of(profile.name)), known: undefined }
  }
}

async function examineTokenEndpoint(
  profile: Profile,
  url: string,
  connections: ServerConnections,
): Promise<Finding[]> {
  const check = 'token endpoint'
  const sentAtMs = Date.now()
  try {
    const headers = { accept: 'application/json', 'user-agent': `catchd/${VERSION}` }
    const answer = await connections.exchange(url, { method: 'GET', headers }, profile.ca_file)
    const { host } = new URL(url)
    const reached =
      answer.status >= 500
        ? warn(
            check,
            `${host} answers ${answer.status}: it has trouble of its own.`,
            `catchd doctor ${profile.name}`,
          )
        : ok(check, `${host} answers (${answer.status} to a GET without credentials).`)
    return [reached, judgeClock(answer.headers['date'], sentAtMs, Date.now(), process.platform)]
  } catch (error) {
    return [failed(check, asCatchdError(error).of(profile.name))]
  }
}

const SET_CLOCK: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  darwin: 'sudo sntp -sS time.apple.com',
  linux: 'sudo timedatectl set-ntp true',
  win32: 'w32tm /resync',
}

/**
 * Date has whole seconds (RFC 9110 §6.6.1), and was written some time between request and answer.
 *
 * @param date - The server's header.
 */
export function judgeClock(
  date: string | undefined,
  sentAtMs: number,
  answeredAtMs: number,
  platform: NodeJS.Platform,
): Finding {
  const check = 'clock'
  const serverMs = Date.parse(date ?? '')
  if (Number.isNaN(serverMs)) return ok(check, 'The server does not say what time it is.')
  const behindMs = Math.max(0, serverMs - answeredAtMs)
  const aheadMs = Math.max(0, sentAtMs - (serverMs + 1_000))
  const seconds = Math.round(Math.max(behindMs, aheadMs) / 1000)
  if (seconds < NOTABLE_SKEW_SECONDS)
    return ok(check, `It agrees with the server's to ${Math.max(1, seconds)} s.`)
  const detail = `This machine is ${seconds} s ${behindMs > 0 ? 'behind' : 'ahead of'} the server.`
  const fix = SET_CLOCK[platform] ?? null
  if (seconds < HARMFUL_SKEW_SECONDS) return warn(check, detail, fix)
  return fail(
    check,
    EXIT.unexpected,
    `${detail} id_tokens and signed assertions may be refused, and expiry is told wrongly.`,
    fix,
  )
}
