/** Tools that ask for HTTP headers: MCP hosts (`headersHelper`), Bazel. Also `.netrc`. goauth.ts has Go. */
import * as z from 'zod'
import { parseJson } from '../../client/daemon-error.js'
import { asCatchdError, CatchdError } from '../../failures.js'
import { type AnyTokenAnswer, bareToken, tokenType } from '../../fast-path/token-format.js'
import { failureLine } from '../failure-output.js'
import { askedHost, normalHost } from './hosts.js'
import { type CredentialTool, type FoundToken, json, type TokenSource } from './tool.js'

export const authorization = (token: AnyTokenAnswer) => `${tokenType(token)} ${bareToken(token)}`

/** A JSON object of headers, for the `headersHelper` of MCP hosts. */
export const headers: CredentialTool = {
  summary: 'headersHelper: "catchd credential --profile NAME headers"',
  async answer({ tokens }) {
    return json({ Authorization: authorization((await tokens.ofProfile()).token) })
  },
}

const BazelQuestion = z.looseObject({ uri: z.url({ protocol: /^https?$/ }) })

/** Bazel's credential helper protocol: `get`, a URI in JSON on stdin. */
export const bazel: CredentialTool = {
  summary: 'bazel --credential_helper=HOST=/path/to/a/script that runs: catchd credential bazel "$@"',
  readsInput: true,
  // Bazel caches the answer for each URI, and empties its cache when a server refuses a request as unauthenticated.
  asksAgainIfRefused: ({ input }) => input,
  async answer({ input, tokens }) {
    const question = BazelQuestion.safeParse(parseJson(input)).data
    if (question === undefined) {
      throw new CatchdError('request_invalid', { detail: 'Bazel must send {"uri": "https://…"} on stdin.' })
    }
    const found = await tokens.forHost(question.uri)
    if (found === undefined) return json({ headers: {} })
    const { expires_at: expires } = found.token
    return json({
      headers: { Authorization: [authorization(found.token)] },
      ...(expires === null ? {} : { expires }),
    })
  },
}

/** `.netrc`: one line for each host, for tools that support nothing else. */
export const netrc: CredentialTool = {
  summary: 'curl --netrc-file <(catchd credential netrc) …',
  async answer({ tokens, user }) {
    const { byHost, note } = await everyHost(tokens)
    const lines = await Promise.all(
      byHost.map(async ([host, { profile, token }]) =>
        netrcLines([host], token, user ?? (await tokens.username(profile))),
      ),
    )
    return { stdout: lines.flat().join(''), note }
  },
}

/** The tokens of every host in the configuration. */
interface TokensByHost {
  readonly byHost: readonly (readonly [host: string, found: FoundToken])[]
  readonly note: string | undefined
}

/**
 * A tool that asks for all hosts needs only one of them, and it is not known which. So a profile without a token does not
 * stop the others. A suffix (`*.example.com`) is not a host, so it is left out.
 *
 * @throws CatchdError if no profile has a token
 */
export async function everyHost(tokens: TokenSource): Promise<TokensByHost> {
  const hosts = [...(await tokens.hosts()).keys()].flatMap((entry) => askedHost(normalHost(entry)) ?? [])
  const failures = new Map<string, CatchdError>()
  const byHost: [string, FoundToken][] = []
  for (const host of hosts) {
    try {
      const found = await tokens.forHost(host)
      if (found !== undefined) byHost.push([host, found])
    } catch (error) {
      const failure = asCatchdError(error)
      failures.set(failureLine(failure), failure)
    }
  }
  const [first] = failures.values()
  if (first !== undefined && byHost.length === 0) throw first
  return { byHost, note: first === undefined ? undefined : [...failures.keys()].join('; ') }
}

/** A suffix (`*.example.com`) has no line, because `.netrc` supports only host names. Ports are left out. */
export function netrcLines(hosts: readonly string[], token: AnyTokenAnswer, user: string) {
  return hosts
    .flatMap((entry) => askedHost(normalHost(entry)) ?? [])
    .map(
      (host) => `machine ${new URL(`https://${host}`).hostname} login ${user} password ${bareToken(token)}\n`,
    )
}
