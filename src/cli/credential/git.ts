/**
 * git's credential helper protocol (git-credential(1)): `get`, `store`, `erase`, attributes as `name=value` lines.
 *
 * A git with the capability `authtype` (2.46) gets the token as a Bearer token. An older git gets it as a password, which
 * most servers accept. Tokens are given only for https, and for http on this machine.
 */
import { bareToken, tokenType } from '../../fast-path/token-format.js'
import { askedHost } from './hosts.js'
import {
  type CredentialAnswer,
  type CredentialRequest,
  type CredentialTool,
  expiryInSeconds,
  NOTHING,
  TOKEN_USER,
} from './tool.js'

export const git: CredentialTool = {
  summary: 'git config credential.helper "!catchd credential git"',
  operations: ['get', 'store', 'erase'],
  readsInput: true,
  inputEnd: '\n\n', // a blank line or the end of the file (git-credential(1))
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
}

function parseAttributes(input: string): Attributes {
  const single = new Map<string, string>()
  const capabilities = new Set<string>()
  for (const line of input.split('\n')) {
    const equals = line.indexOf('=')
    if (equals < 1) continue
    const [name, value] = [line.slice(0, equals), line.slice(equals + 1)]
    if (name === 'capability[]') capabilities.add(value)
    else single.set(name, value)
  }
  return { single, capabilities }
}

async function get(request: CredentialRequest, asked: Attributes): Promise<CredentialAnswer> {
  const url = urlOf(asked)
  if (askedHost(url) === undefined) {
    return { stdout: '', note: `catchd: no token for ${url}: it needs https and a plain host.` }
  }
  const user = asked.single.get('username')
  const found = await request.tokens.forHost(url, user)
  if (found === undefined) return NOTHING
  const [token, type] = [bareToken(found.token), tokenType(found.token)]
  const expiry = expiryInSeconds(found.token)
  const lines = asked.capabilities.has('authtype')
    ? ['capability[]=authtype', `authtype=${type}`, `credential=${token}`, 'ephemeral=1']
    : [`username=${request.user ?? user ?? TOKEN_USER}`, `password=${token}`]
  if (expiry !== undefined) lines.push(`password_expiry_utc=${expiry}`)
  return { stdout: lines.map((line) => `${line}\n`).join('') }
}

/** git sends `erase` after the server refused the credential. The token is then refreshed, not deleted. */
async function erase(request: CredentialRequest, asked: Attributes): Promise<void> {
  const token = asked.single.get('password') ?? asked.single.get('credential')
  if (token === undefined) return
  const found = await request.tokens.forHost(urlOf(asked), asked.single.get('username'))
  if (found !== undefined) await request.tokens.refused(found.profile, token)
}

/** git sends the path in another attribute, so a host with something after it is not used. */
function urlOf({ single }: Attributes): string {
  const host = single.get('host') ?? ''
  return `${single.get('protocol') ?? ''}://${/[/?]/.test(host) ? '' : host}`
}
