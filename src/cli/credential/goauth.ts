/**
 * Go's `GOAUTH` (`go help goauth`, Go 1.24): the answer is URL prefixes, an empty line, headers, an empty line.
 *
 * Go runs the command once without a URL, which gives the tokens of all hosts. After an answer with 4xx it runs the
 * command again, with the URL as an argument and the head of the response on stdin.
 */
import { bareToken } from '../../fast-path/token-format.js'
import { authorization, everyHost } from './headers.js'
import { askedHost, normalHost } from './hosts.js'
import {
  type CredentialAnswer,
  type CredentialTool,
  type FoundToken,
  NOTHING,
  type TokenSource,
} from './tool.js'

export const goauth: CredentialTool = {
  summary: 'go env -w GOAUTH="catchd credential goauth"',
  // A person who tries the command types no response.
  readsInput: (words) => urlIn(words) !== undefined && !process.stdin.isTTY,
  inputEnd: /\r?\n\r?\n/,
  async answer({ operation, words, input, tokens }) {
    const url = urlIn([operation, ...words])
    if (url !== undefined) return oneHost(tokens, url, input)
    const { byHost, note } = await everyHost(tokens)
    return { stdout: byHost.map(([host, found]) => block(host, found)).join(''), note }
  },
}

function urlIn(words: readonly string[]): string | undefined {
  return words.find((word) => word.startsWith('https://'))
}

function block(host: string, { token }: FoundToken): string {
  return `https://${host}\n\nAuthorization: ${authorization(token)}\n\n`
}

/** @param response - The head of the server's response; empty if the caller is not Go. */
async function oneHost(tokens: TokenSource, url: string, response: string): Promise<CredentialAnswer> {
  const host = askedHost(url)
  const found = await tokens.forHost(url)
  if (host === undefined || found === undefined) return NOTHING
  const refusal = refusalIn(response)
  const wasSent = refusal === 'token' || (refusal === 'request' && (await isGivenUnasked(tokens, host)))
  if (!wasSent) return { stdout: block(host, found) }
  const other = await tokens.insteadOf(found.profile, bareToken(found.token))
  if (other !== undefined) return { stdout: block(host, other) }
  // Go keeps the token that it has.
  return { stdout: '', note: `catchd: ${host} refuses new tokens too. → catchd doctor ${found.profile}` }
}

/** Before the first call with a URL, Go has only the tokens of hosts that the configuration names in full. */
async function isGivenUnasked(tokens: TokenSource, host: string): Promise<boolean> {
  const entries = [...(await tokens.hosts()).keys()]
  return entries.some((entry) => askedHost(normalHost(entry)) === host)
}

/**
 * What the response refuses: the `token` (RFC 6750 §3.1), or with 401 alone the `request`, which may have had no token.
 * Go also sends responses that say nothing about the token, for example 404 for a module that does not exist.
 */
function refusalIn(response: string): 'token' | 'request' | undefined {
  const [statusLine = '', ...fields] = response.split(/\r?\n/)
  const challenges = fields.filter((field) => /^www-authenticate\s*:/i.test(field)).join('\n')
  const error = /[\s,]error\s*=\s*"?(\w+)/i.exec(challenges)?.[1]
  if (error === 'invalid_token') return 'token'
  return /^HTTP\/\S+ 401\b/.test(statusLine) && error !== 'insufficient_scope' ? 'request' : undefined
}
