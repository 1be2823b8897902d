/**
 * git's credential helper protocol (git-credential(1)): `get`, `store`, `erase`, attributes as `name=value` lines.
 *
 * The token is the password of a user name, which most servers accept, unless the server offers Bearer and git can send
 * that (`authtype`, git 2.46). Many servers that issue tokens take them as passwords only, as GitHub and GitLab do. Tokens
 * are given only for https, and for http on this machine.
 */
import { CatchdError } from '../../failures.js'
import { bareToken, tokenType } from '../../fast-path/token-format.js'
import { askedHost } from './hosts.js'
import {
  type CredentialAnswer,
  type CredentialRequest,
  type CredentialTool,
  expiryInSeconds,
  NOTHING,
} from './tool.js'

export const git: CredentialTool = {
  summary: 'git config credential.helper "!catchd credential git"',
  operations: ['get', 'store', 'erase'],
  readsInput: true,
  inputEnd: /\n\n/, // a blank line or the end of the file (git-credential(1))
  async answer(request) {
    const asked = parseAttributes(request.input)
    if (request.operation === 'get') return get(request, asked)
    if (request.operation === 'erase') await erase(request, asked)
    return NOTHING
  },
}

interface Attributes {
  readonly single: ReadonlyMap<string, string>
  readonly capabilities: ReadonlySet<string>
  /** The server's WWW-Authenticate header fields. git sends them after it was refused without a credential. */
  readonly challenges: readonly string[]
}

function parseAttributes(input: string): Attributes {
  const single = new Map<string, string>()
  const capabilities = new Set<string>()
  let challenges: string[] = []
  for (const line of input.split('\n')) {
    const equals = line.indexOf('=')
    if (equals < 1) continue
    const [name, value] = [line.slice(0, equals), line.slice(equals + 1)]
    if (name === 'capability[]') capabilities.add(value)
    else if (name === 'wwwauth[]')
      challenges = value === '' ? [] : [...challenges, value] // an empty one clears the list
    else single.set(name, value)
  }
  return { single, capabilities, challenges }
}

async function get(request: CredentialRequest, asked: Attributes): Promise<CredentialAnswer> {
  if (asked.single.size === 0) throw noAttributes()
  const url = urlOf(asked)
  if (askedHost(url) === undefined) {
    return { stdout: '', note: `catchd: no token for ${url}: it needs https and a plain host.` }
  }
  const user = asked.single.get('username')
  const found = await request.tokens.forHost(url, user)
  if (found === undefined) return NOTHING
  const token = bareToken(found.token)
  const knowsTypes = asked.capabilities.has('authtype')
  const isBearer =
    knowsTypes &&
    request.user === undefined &&
    tokenType(found.token).toLowerCase() === 'bearer' &&
    asked.challenges.some(offersBearer)
  const lines = isBearer
    ? ['authtype=Bearer', `credential=${token}`]
    : [
        `username=${request.user ?? user ?? (await request.tokens.username(found.profile))}`,
        `password=${token}`,
      ]
  if (knowsTypes) lines.unshift('capability[]=authtype', 'ephemeral=1') // no other helper stores the token
  const expiry = expiryInSeconds(found.token)
  if (expiry !== undefined) lines.push(`password_expiry_utc=${expiry}`)
  return { stdout: lines.map((line) => `${line}\n`).join('') }
}

function noAttributes(): CatchdError {
  return new CatchdError('request_invalid', {
    detail: 'git sends protocol and host on stdin, but stdin has no attributes.',
    next: 'catchd help credential',
  })
}

/** Whether one of the challenges of a WWW-Authenticate field has the scheme Bearer (RFC 9110 §11.6.1). */
function offersBearer(field: string): boolean {
  const withoutTexts = field.replace(/"(?:[^"\\]|\\.)*(?:"|$)/g, '""')
  return /(?:^|,)\s*bearer(?:\s+[^\s=]|\s*(?:,|$))/i.test(withoutTexts)
}

/** git sends `erase` after the server refused the credential. The token is then refreshed, not deleted. */
async function erase(request: CredentialRequest, asked: Attributes): Promise<void> {
  const token = asked.single.get('password') ?? asked.single.get('credential')
  if (token === undefined) return
  const found = await request.tokens.forHost(urlOf(asked), asked.single.get('username'))
  if (found !== undefined) await request.tokens.insteadOf(found.profile, token)
}

/** git sends the path in another attribute, so a host with something after it is not used. */
function urlOf({ single }: Attributes): string {
  const host = single.get('host') ?? ''
  return `${single.get('protocol') ?? ''}://${/[/?]/.test(host) ? '' : host}`
}
