/**
 * AWS Security Token Service: exchanges a token of another issuer for temporary credentials of a role
 * (AssumeRoleWithWebIdentity of the query API, version 2011-06-15). It is a single POST without a signature, so no SDK is
 * needed.
 */
import { parseXml, XmlElement } from '@rgrove/parse-xml'
import * as z from 'zod'
import { ServerConnections } from '../../authorization-server/server-connections.js'
import { CatchdError } from '../../failures.js'
import { VERSION } from '../../version.js'

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

/** The error codes of STS for a token that has expired or cannot be verified. */
const TOKEN_CODES = ['ExpiredTokenException', 'InvalidIdentityToken']

/** STS does not accept this token. A new one may work. */
export class TokenRefused extends CatchdError {}

/**
 * @throws CatchdError `provider_refused` with STS's code and message, `provider_unreachable`,
 *   `provider_answer_invalid`; {@link TokenRefused}
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
    const outcome = outcomeOf(new URL(endpoint).host, status, text, token)
    if (outcome instanceof CatchdError) throw outcome
    return outcome
  } finally {
    connections.close()
  }
}

function outcomeOf(host: string, status: number, text: string, token: string): RoleCredentials | CatchdError {
  const next = 'catchd help credential'
  try {
    const root = rootOf(text)
    if (status === 200) return credentialsIn(root)
    const code = textAt(root, 'Error', 'Code')
    return new (TOKEN_CODES.includes(code) ? TokenRefused : CatchdError)('provider_refused', {
      detail: `${host} refused to issue credentials for the role.`,
      error: code,
      errorDescription: textAt(root, 'Error', 'Message').replaceAll(token, '…'),
      next,
    })
  } catch {
    // The error is not kept as the cause, because zod's errors can quote the credentials.
    const detail = `${host} answered with status ${status}, but not in the format of STS.`
    return new CatchdError('provider_answer_invalid', { detail, next })
  }
}

function credentialsIn(root: XmlElement): RoleCredentials {
  if (root.name !== 'AssumeRoleWithWebIdentityResponse') throw new Error('another answer')
  const names = Object.keys(RoleCredentials.shape)
  const at = (name: string) => textAt(root, 'AssumeRoleWithWebIdentityResult', 'Credentials', name)
  return RoleCredentials.parse(Object.fromEntries(names.map((name) => [name, at(name)])))
}

/** Document types, comments and CDATA are refused: STS does not send them, but attacks on XML parsers use them. */
function rootOf(text: string): XmlElement {
  const { root } = parseXml(text)
  if (root === null || text.includes('<!')) throw new Error('not XML of STS')
  return root
}

/** The text at a path of elements. Each must exist exactly once. */
function textAt(element: XmlElement, ...path: readonly string[]): string {
  const [name, ...rest] = path
  const children = element.children.filter((child) => child instanceof XmlElement)
  const [child, ...more] = name === undefined ? children : children.filter((one) => one.name === name)
  if (more.length > 0 || (child === undefined) !== (name === undefined)) throw new Error('another structure')
  return child === undefined ? element.text.trim() : textAt(child, ...rest)
}
