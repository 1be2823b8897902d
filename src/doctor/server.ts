/**
 * Checks a profile's authorization server: its endpoints and metadata, whether the profile agrees with the metadata,
 * whether catchd reaches the token endpoint with the profile's `ca_file`, and whether the two clocks agree. Only these
 * checks use the network.
 *
 * No credential is sent. The token endpoint gets a GET without parameters, and any answer below 500 is fine.
 */

import { Metadata, type ServerMetadata } from '../authorization-server/metadata.js'
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

/** With a larger difference, servers refuse signed assertions as too old or not yet valid. */
const HARMFUL_SKEW_SECONDS = 300

export interface ExaminedServer {
  readonly findings: Finding[]
  /** The server's metadata; `undefined` if it is not known. */
  readonly published: ServerMetadata | undefined
}

export async function examineServer(profile: Profile, machine: MachineFacts): Promise<ExaminedServer> {
  const connections = new ServerConnections()
  const metadata = new Metadata(connections, systemClock)
  try {
    const findings = [describeProfile(profile)]
    const explain = (check: string, error: unknown) => explained(check, error, profile, metadata, machine)
    const { finding, known } = await examineMetadata(profile, metadata, explain)
    const published = metadata.lastOf(profile)
    findings.push(finding, ...judgeAgreement(profile, known, published))
    const tokenEndpoint = profile.token_endpoint ?? known?.token_endpoint
    if (tokenEndpoint !== undefined) {
      findings.push(...(await examineTokenEndpoint(profile, tokenEndpoint, connections, explain)))
    }
    return { findings, published }
  } finally {
    connections.close()
  }
}

function describeProfile(profile: Profile): Finding {
  const { name, grant, client_id, redirect_uri } = profile
  const redirect = usesRedirectUri(profile) ? `, redirect URI ${redirect_uri}` : ''
  return ok('profile', `${name}: ${grant}, client ${client_id}${redirect}`)
}

type Explain = (check: string, error: unknown) => Finding

/** An error of a request to the server as a failed check, with the likely cause. */
function explained(
  check: string,
  thrown: unknown,
  profile: Profile,
  metadata: Metadata,
  machine: MachineFacts,
): Finding {
  const failure = asCatchdError(thrown).of(profile.name)
  const causes = diagnose({
    ...profileFacts(profile),
    ...machine,
    metadata: metadata.lastOf(profile),
    step: 'discovery',
    code: failure.code,
    evidence: failure.evidence,
  })
  return failed(check, advised(failure, causes))
}

async function examineMetadata(
  profile: Profile,
  metadata: Metadata,
  explain: Explain,
): Promise<{ finding: Finding; known: ServerMetadata | undefined }> {
  const check = 'endpoints'
  try {
    const known = await metadata.of(profile)
    const { authorization_endpoint, token_endpoint } = known
    const endpoints = [
      authorization_endpoint === undefined ? undefined : `authorization ${authorization_endpoint}`,
      token_endpoint === undefined ? undefined : `token ${token_endpoint}`,
    ].filter((endpoint) => endpoint !== undefined)
    const source = profile.issuer === undefined ? 'as configured' : `issuer ${profile.issuer}`
    return { finding: ok(check, `${source}: ${endpoints.join(', ')}`), known }
  } catch (error) {
    return { finding: explain(check, error), known: undefined }
  }
}

async function examineTokenEndpoint(
  profile: Profile,
  url: string,
  connections: ServerConnections,
  explain: Explain,
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
            `${host} answers ${answer.status}: the server has an internal error.`,
            `catchd doctor ${profile.name}`,
          )
        : ok(check, `${host} answers (${answer.status} to a GET without credentials).`)
    return [reached, judgeClock(answer.headers['date'], sentAtMs, Date.now(), process.platform)]
  } catch (error) {
    return [explain(check, error)]
  }
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
