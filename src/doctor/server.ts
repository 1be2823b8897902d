/**
 * Checks a profile's authorization server: its endpoints and metadata, whether the profile agrees with the metadata,
 * whether catchd reaches the token endpoint with the profile's `ca_file`, and whether the two clocks agree. Only these
 * checks use the network.
 *
 * No credential is sent. The token endpoint gets a GET without parameters, and any answer below 500 is fine.
 */

import { Metadata } from '../authorization-server/metadata.js'
import type { ServerMetadata } from '../authorization-server/metadata-document.js'
import { ServerConnections } from '../authorization-server/server-connections.js'
import { clockDifference } from '../authorization-server/transcript.js'
import { systemClock } from '../clock.js'
import { usesRedirectUri } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { advised } from '../diagnosis/advice.js'
import { differenceInWords, NOTABLE_SKEW_SECONDS, setClockCommand } from '../diagnosis/clock.js'
import { diagnose } from '../diagnosis/diagnose.js'
import { type MachineFacts, profileFacts } from '../diagnosis/facts.js'
import { asCatchdError, EXIT } from '../failures.js'
import { VERSION } from '../version.js'
import { judgeAgreement } from './agreement.js'
import { type Finding, fail, failed, ok, warn } from './finding.js'
import { examineResource } from './resource.js'

/** With a larger difference, servers refuse signed assertions as too old or not yet valid. */
const HARMFUL_SKEW_SECONDS = 300

interface ExaminedServer {
  readonly findings: Finding[]
  /** The server's metadata; `undefined` if it is not known. */
  readonly published: ServerMetadata | undefined
}

/** @param isLoggedIn - The server has issued tokens to the profile's client. */
export async function examineServer(
  profile: Profile,
  machine: MachineFacts,
  isLoggedIn: boolean,
): Promise<ExaminedServer> {
  const connections = new ServerConnections()
  const metadata = new Metadata(connections, systemClock)
  const findings = [describeProfile(profile)]
  const explain = (check: string, thrown: unknown) => {
    const failure = asCatchdError(thrown).of(profile.name)
    const { code, evidence } = failure
    const server = { metadata: metadata.lastOf(profile), step: 'discovery', code, evidence } as const
    findings.push(
      failed(check, advised(failure, diagnose({ ...profileFacts(profile), ...machine, ...server }))),
    )
  }
  let known: ServerMetadata | undefined
  try {
    known = await metadata.of(profile)
    findings.push(describeEndpoints(profile, known))
  } catch (error) {
    explain('endpoints', error)
  }
  findings.push(...(await examineResource(profile, metadata)))
  const published = metadata.lastOf(profile)
  findings.push(...judgeAgreement(profile, known, published, isLoggedIn))
  const tokenEndpoint = profile.token_endpoint ?? known?.token_endpoint
  try {
    if (tokenEndpoint !== undefined) {
      findings.push(...(await examineTokenEndpoint(profile, tokenEndpoint, connections)))
    }
  } catch (error) {
    explain('token endpoint', error)
  } finally {
    connections.close()
  }
  return { findings, published }
}

function describeProfile(profile: Profile): Finding {
  const { name, grant, client_id, redirect_uri } = profile
  const redirect = usesRedirectUri(profile) ? `, redirect URI ${redirect_uri}` : ''
  return ok('profile', `${name}: ${grant}, client ${client_id}${redirect}`)
}

function describeEndpoints(
  { issuer }: Profile,
  { authorization_endpoint, token_endpoint }: ServerMetadata,
): Finding {
  const endpoints = [
    authorization_endpoint && `authorization ${authorization_endpoint}`,
    token_endpoint && `token ${token_endpoint}`,
  ].filter((endpoint) => endpoint !== undefined)
  const source = issuer === undefined ? 'as configured' : `issuer ${issuer}`
  return ok('endpoints', `${source}: ${endpoints.join(', ')}`)
}

async function examineTokenEndpoint(
  profile: Profile,
  url: string,
  connections: ServerConnections,
): Promise<Finding[]> {
  const check = 'token endpoint'
  const sentAtMs = Date.now()
  const request = {
    method: 'GET',
    headers: { accept: 'application/json', 'user-agent': `catchd/${VERSION}` },
  }
  const { status, headers } = await connections.exchange(url, request, profile.ca_file)
  const clock = judgeClock(headers['date'], sentAtMs, Date.now(), process.platform)
  const { host } = new URL(url)
  if (status < 500) return [ok(check, `${host} answers (${status} to a GET without credentials).`), clock]
  const detail = `${host} answers ${status}: the server has an internal error.`
  return [warn(check, detail, `catchd doctor ${profile.name}`), clock]
}

/** @param date - The Date header of the server's response. */
export function judgeClock(
  date: string | undefined,
  sentAtMs: number,
  answeredAtMs: number,
  platform: NodeJS.Platform,
): Finding {
  const check = 'clock'
  const difference = clockDifference(date, sentAtMs, answeredAtMs)
  if (difference === null)
    return ok(check, 'Not checked: the response of the server has no usable Date header.')
  const seconds = Math.abs(difference)
  if (seconds < NOTABLE_SKEW_SECONDS)
    return ok(check, `Differs from the server's clock by at most ${Math.max(1, seconds)} s.`)
  const detail = `This machine is ${differenceInWords(difference)}.`
  const fix = setClockCommand(platform)
  if (seconds < HARMFUL_SKEW_SECONDS) return warn(check, detail, fix)
  return fail(
    check,
    EXIT.unexpected,
    `${detail} Signed assertions and id_tokens may be refused, and expiry times are shown wrongly.`,
    fix,
  )
}
