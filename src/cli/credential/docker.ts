/**
 * docker's credential helper protocol: a program `docker-credential-NAME` with `get`, `store`, `erase`, `list`. It reads
 * the request from stdin and answers with JSON on stdout, or with one fixed sentence if there is no credential.
 */

import { asCatchdError } from '../../failures.js'
import { bareToken } from '../../fast-path/token-format.js'
import { failureLine } from '../failure-output.js'
import { normalHost } from './hosts.js'
import { type CredentialAnswer, type CredentialRequest, type CredentialTool, json, NOTHING } from './tool.js'

/** docker compares this text, so it must not change. */
const NOT_FOUND: CredentialAnswer = { stdout: 'credentials not found in native keychain\n', exitCode: 1 }

export const docker: CredentialTool = {
  summary: 'a script docker-credential-catchd that runs: exec catchd credential docker "$@"',
  operations: ['get', 'store', 'erase', 'list'],
  readsInput: true,
  async answer(request) {
    switch (request.operation) {
      case 'get':
        return get(request).catch(failed)
      case 'list':
        return list(request).catch(failed)
      case 'store':
        return { stdout: 'catchd stores no passwords. It provides tokens of its own logins\n', exitCode: 1 }
      default:
        return NOTHING
    }
  },
}

async function get({ input, tokens, user }: CredentialRequest): Promise<CredentialAnswer> {
  const server = input.trim()
  const found = await tokens.forHost(server)
  if (found === undefined) return NOT_FOUND
  const username = user ?? (await tokens.username(found.profile))
  return json({ ServerURL: server, Username: username, Secret: bareToken(found.token) })
}

/** Programs other than docker's command line show only what is on stdout. */
function failed(thrown: unknown): CredentialAnswer {
  const failure = asCatchdError(thrown)
  return { stdout: `${failureLine(failure)}\n`, failure }
}

async function list({ tokens, user }: CredentialRequest): Promise<CredentialAnswer> {
  const hosts = await tokens.hosts()
  const names = [...hosts].filter(([host]) => !host.startsWith('*.'))
  return json(
    Object.fromEntries(
      await Promise.all(
        names.map(async ([host, profile]) => [
          `https://${normalHost(host)}`,
          user ?? (await tokens.username(profile)),
        ]),
      ),
    ),
  )
}
