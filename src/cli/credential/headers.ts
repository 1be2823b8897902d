/** Tools that ask for HTTP headers: MCP hosts (`headersHelper`), Go (`GOAUTH`), Bazel. */
import * as z from 'zod'
import { asCatchdError, CatchdError } from '../../failures.js'
import { bareToken, type LentAnswer, tokenType } from '../../fast-path/token-format.js'
import { failureLine } from '../failure-output.js'
import { type CredentialTool, json, type Lender, type Lent, TOKEN_USER } from './tool.js'

const authorization = (token: LentAnswer) => `${tokenType(token)} ${bareToken(token)}`

/** A JSON object of headers, as the `headersHelper` of MCP hosts wants it. */
export const headers: CredentialTool = {
  summary: 'headersHelper: "catchd credential --profile NAME headers"',
  operations: ['get'],
  readsInput: false,
  async answer({ lender }) {
    return json({ Authorization: authorization((await lender.ofProfile()).token) })
  },
}

/** `go help goauth`: URL prefixes, an empty line, headers, an empty line. Without a URL every host is answered. */
export const goauth: CredentialTool = {
  summary: 'go env -w GOAUTH="catchd credential goauth"',
  operations: ['get'],
  readsInput: false,
  async answer({ operation, words, lender }) {
    const url = [operation, ...words].find((word) => word.startsWith('https://'))
    const { lent, note } =
      url === undefined ? await everyHost(lender) : await oneHost(lender, new URL(url).host)
    const blocks = lent.map(
      ([host, { token }]) => `https://${host}\n\nAuthorization: ${authorization(token)}\n\n`,
    )
    return { stdout: blocks.join(''), note }
  },
}

const BazelQuestion = z.looseObject({ uri: z.url({ protocol: /^https?$/ }) })

/** Bazel's credential helper protocol: `get`, a URI in JSON on stdin. */
export const bazel: CredentialTool = {
  summary: 'bazel --credential_helper=HOST=/path/to/a/script that runs: catchd credential bazel "$@"',
  operations: ['get'],
  readsInput: true,
  async answer({ input, lender }) {
    const question = BazelQuestion.safeParse(parseJson(input)).data
    if (question === undefined) {
      throw new CatchdError('request_invalid', { detail: 'Bazel asks with {"uri": "https://…"} on stdin.' })
    }
    const lent = await lender.forHost(question.uri)
    if (lent === undefined) return json({ headers: {} })
    const { expires_at: expires } = lent.token
    return json({
      headers: { Authorization: [authorization(lent.token)] },
      ...(expires === null ? {} : { expires }),
    })
  },
}

/** `.netrc`: a line for each host, for tools that read nothing else. */
export const netrc: CredentialTool = {
  summary: 'curl --netrc-file <(catchd credential netrc) …',
  operations: ['get'],
  readsInput: false,
  async answer({ lender, user }) {
    const { lent, note } = await everyHost(lender)
    return { stdout: lent.flatMap(([host, { token }]) => netrcLines([host], token, user)).join(''), note }
  },
}

interface LentByHost {
  readonly lent: readonly (readonly [host: string, lent: Lent])[]
  readonly note: string | undefined
}

async function oneHost(lender: Lender, host: string): Promise<LentByHost> {
  const lent = await lender.forHost(host)
  return { lent: lent === undefined ? [] : [[host, lent]], note: undefined }
}

/**
 * A tool that asks for all hosts wants one of them, and nobody knows which: a profile that has no token takes none from
 * the others. A suffix (`*.example.com`) is no host to tell.
 *
 * @throws CatchdError when no profile has a token
 */
async function everyHost(lender: Lender): Promise<LentByHost> {
  const hosts = [...(await lender.hosts()).keys()].filter((host) => !host.startsWith('*.'))
  const failures = new Map<string, CatchdError>()
  const lent: [string, Lent][] = []
  for (const host of hosts) {
    try {
      const found = await lender.forHost(host)
      if (found !== undefined) lent.push([host, found])
    } catch (error) {
      const failure = asCatchdError(error)
      failures.set(failureLine(failure), failure)
    }
  }
  const [first] = failures.values()
  if (first !== undefined && lent.length === 0) throw first
  return { lent, note: first === undefined ? undefined : [...failures.keys()].join('; ') }
}

/** A suffix (`*.example.com`) has no line: `.netrc` knows hosts only, and no ports. */
export function netrcLines(hosts: readonly string[], token: LentAnswer, user = TOKEN_USER) {
  return hosts
    .filter((host) => !host.startsWith('*.'))
    .map(
      (host) => `machine ${new URL(`https://${host}`).hostname} login ${user} password ${bareToken(token)}\n`,
    )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
