/** Tools that ask for HTTP headers: MCP hosts (`headersHelper`), Go (`GOAUTH`), Bazel. */
import * as z from 'zod'
import { CatchdError } from '../../failures.js'
import { bareToken, type LentAnswer, tokenType } from '../token-format.js'
import { type CredentialTool, json, NOTHING, TOKEN_USER } from './tool.js'

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
    const hosts = url === undefined ? [...(await lender.hosts()).keys()] : [new URL(url).host]
    const blocks: string[] = []
    for (const host of hosts) {
      if (host.startsWith('*.')) continue
      const lent = await lender.forHost(host)
      if (lent !== undefined)
        blocks.push(`https://${host}\n\nAuthorization: ${authorization(lent.token)}\n\n`)
    }
    return { stdout: blocks.join('') }
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
    const lines: string[] = []
    for (const host of (await lender.hosts()).keys()) {
      const lent = host.startsWith('*.') ? undefined : await lender.forHost(host)
      if (lent !== undefined) lines.push(...netrcLines([host], lent.token, user))
    }
    return lines.length === 0 ? NOTHING : { stdout: lines.join('') }
  },
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
