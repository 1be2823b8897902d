/**
 * One profile's authorization server: its endpoints, its metadata and whether the profile agrees with it, whether the
 * token endpoint can be reached with the profile's `ca_file`, and whether its clock and ours agree. The only checks
 * that use the network.
 *
 * No credential is sent: the token endpoint is asked with a bare GET, which it may well refuse.
 */
import { clockDifference } from '../authorization-server/clock-difference.js'
import { Metadata, type ServerMetadata } from '../authorization-server/metadata.js'
import { ServerConnections } from '../authorization-server/server-connections.js'
import { systemClock } from '../clock.js'
import { usesRedirectUri } from '../config/grants.js'
import { findPreset } from '../config/presets.js'
import type { Profile } from '../config/profile.js'
import { advised } from '../diagnosis/advice.js'
import { differenceInWords, NOTABLE_SKEW_SECONDS, setClockCommand } from '../diagnosis/clock.js'
import { diagnose } from '../diagnosis/diagnose.js'
import { withoutSecrets } from '../diagnosis/facts.js'
import type { MachineFacts } from '../diagnosis/machine-facts.js'
import { asCatchdError, EXIT } from '../failures.js'
import { VERSION } from '../version.js'
import { judgeAgreement } from './agreement.js'
import { type Finding, fail, failed, ok, warn } from './finding.js'

/** Beyond this, what is signed is refused for being too old or not valid yet. */
const HARMFUL_SKEW_SECONDS = 300

export interface ExaminedServer {
  readonly findings: Finding[]
  /** What the server publishes; `undefined` where that is not known. */
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

/** What was thrown on the way to the server, with the likely cause. */
function explained(
  check: string,
  thrown: unknown,
  profile: Profile,
  metadata: Metadata,
  { platform, proxyVariables }: MachineFacts,
): Finding {
  const failure = asCatchdError(thrown).of(profile.name)
  const causes = diagnose({
    profile: withoutSecrets(profile),
    preset: profile.preset === null ? undefined : findPreset(profile.preset),
    metadata: metadata.lastOf(profile),
    step: 'discovery',
    redirectUri: profile.redirect_uri,
    code: failure.code,
    evidence: failure.evidence,
    proxyVariables,
    platform,
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
            `${host} answers ${answer.status}: it has trouble of its own.`,
            `catchd doctor ${profile.name}`,
          )
        : ok(check, `${host} answers (${answer.status} to a GET without credentials).`)
    return [reached, judgeClock(answer.headers['date'], sentAtMs, Date.now(), process.platform)]
  } catch (error) {
    return [explain(check, error)]
  }
}

/** @param date - The server's header. */
export function judgeClock(
  date: string | undefined,
  sentAtMs: number,
  answeredAtMs: number,
  platform: NodeJS.Platform,
): Finding {
  const check = 'clock'
  const difference = clockDifference(date, sentAtMs, answeredAtMs)
  if (difference === undefined) return ok(check, 'The server does not say what time it is.')
  const seconds = Math.abs(difference)
  if (seconds < NOTABLE_SKEW_SECONDS)
    return ok(check, `It agrees with the server's to ${Math.max(1, seconds)} s.`)
  const detail = `This machine is ${differenceInWords(difference)}.`
  const fix = setClockCommand(platform)
  if (seconds < HARMFUL_SKEW_SECONDS) return warn(check, detail, fix)
  return fail(
    check,
    EXIT.unexpected,
    `${detail} id_tokens and signed assertions may be refused, and expiry is told wrongly.`,
    fix,
  )
}
