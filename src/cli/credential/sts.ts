/**
 * AWS Security Token Service: exchanges a token of another issuer for temporary credentials of a role
 * (AssumeRoleWithWebIdentity of the query API, version 2011-06-15). It is a single POST without a signature, so no SDK is
 * needed.
 */
import * as z from 'zod'
import { ServerConnections } from '../../authorization-server/server-connections.js'
import { CatchdError } from '../../failures.js'
import { VERSION } from '../../version.js'
import { parseXml, textAt, type XmlElement, XmlUnreadable } from './xml.js'

export interface RoleRequest {
  readonly endpoint: string
  readonly roleArn: string
  readonly sessionName: string
  readonly durationSeconds: number | undefined
  /** The access token or id_token. It is sent in the body, which is never logged. */
  readonly token: string
  /** PEM file with CAs to trust in addition to the system's. */
  readonly caFile: string | undefined
}

export const RoleCredentials = z.object({
  AccessKeyId: z.string().regex(/^\w{16,128}$/),
  SecretAccessKey: z.string().min(1),
  SessionToken: z.string().min(1),
  /** RFC 3339, UTC. */
  Expiration: z.iso.datetime(),
})
export type RoleCredentials = z.infer<typeof RoleCredentials>

/** The error code of STS for an expired token. */
const EXPIRED = 'ExpiredTokenException'

/** The token has expired. A new one may work. */
export class TokenExpired extends CatchdError {}

/**
 * @throws CatchdError `provider_refused` with STS's code and message, `provider_unreachable`,
 *   `provider_answer_invalid`; {@link TokenExpired}
 */
export async function assumeRole(request: RoleRequest): Promise<RoleCredentials> {
  const { endpoint, roleArn, sessionName, durationSeconds, token, caFile } = request
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: sessionName,
    WebIdentityToken: token,
    ...(durationSeconds === undefined ? {} : { DurationSeconds: String(durationSeconds) }),
  }).toString()
  const headers = {
    'user-agent': `catchd/${VERSION}`,
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'text/xml',
  }
  const connections = new ServerConnections()
  try {
    const { status, body: text } = await connections.exchange(
      endpoint,
      { method: 'POST', headers, body },
      caFile,
    )
    const host = new URL(endpoint).host
    const answer = readable(text, host, status)
    if (status === 200) return credentialsOf(answer, host)
    throw refusal(answer, host, status, token)
  } finally {
    connections.close()
  }
}

function readable(text: string, host: string, status: number): XmlElement {
  try {
    return parseXml(text)
  } catch (error) {
    if (!(error instanceof XmlUnreadable)) throw error
    throw unusable(`${host} answered with status ${status}, but not in the format of STS.`)
  }
}

function credentialsOf(answer: XmlElement, host: string): RoleCredentials {
  const wanted = Object.keys(RoleCredentials.shape)
  const at = (name: string) => ['AssumeRoleWithWebIdentityResult', 'Credentials', name]
  try {
    if (answer.name !== 'AssumeRoleWithWebIdentityResponse') throw new XmlUnreadable()
    const found = Object.fromEntries(wanted.map((name) => [name, textAt(answer, ...at(name))]))
    return RoleCredentials.parse(found)
  } catch {
    // The error is not kept as the cause, because zod's errors can quote the credentials.
    throw unusable(`The answer of ${host} contains no credentials in the format of STS.`)
  }
}

function refusal(answer: XmlElement, host: string, status: number, token: string): CatchdError {
  let code = ''
  let message = ''
  try {
    code = textAt(answer, 'Error', 'Code')
    message = textAt(answer, 'Error', 'Message')
  } catch {
    throw unusable(`${host} answered with status ${status}, but not in the format of STS.`)
  }
  return new (code === EXPIRED ? TokenExpired : CatchdError)('provider_refused', {
    detail: `${host} refused to issue credentials for the role.`,
    error: code,
    errorDescription: message.replaceAll(token, '…'),
    next: 'catchd help credential',
  })
}

function unusable(detail: string): CatchdError {
  return new CatchdError('provider_answer_invalid', { detail, next: 'catchd help credential' })
}
