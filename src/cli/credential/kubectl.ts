/**
 * kubectl's exec credential plugin: prints an ExecCredential of `client.authentication.k8s.io`, in the version of
 * `KUBERNETES_EXEC_INFO`: v1 (the default) or v1beta1.
 */
import * as z from 'zod'
import { parseJson } from '../../client/daemon-error.js'
import { CatchdError } from '../../failures.js'
import { bareToken } from '../../fast-path/token-format.js'
import { askedHost } from './hosts.js'
import { type CredentialTool, json } from './tool.js'

const VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const

const EXEC_INFO = 'KUBERNETES_EXEC_INFO'

const ExecInfo = z.looseObject({
  kind: z.literal('ExecCredential'),
  apiVersion: z.string(),
  spec: z.looseObject({ cluster: z.looseObject({ server: z.string() }).optional() }).optional(),
})

export const kubectl: CredentialTool = {
  summary: 'users[].user.exec: command catchd, args [credential, --profile, NAME, kubectl]',
  takesIdToken: true,
  // A client keeps the token until it expires or a server answers 401 (the documentation of exec plugins).
  asksAgainIfRefused: ({ environment }) => environment[EXEC_INFO] ?? '',
  async answer({ environment, tokens }) {
    const info = parseInfo(environment[EXEC_INFO])
    const server = info?.spec?.cluster?.server
    if (server !== undefined && askedHost(server) === undefined) {
      throw unusable('names a server to which no token is sent: it needs https and a plain host')
    }
    const found =
      (server === undefined ? undefined : await tokens.forHost(server)) ?? (await tokens.ofProfile())
    const { expires_at: expires } = found.token
    return json({
      apiVersion: info?.apiVersion ?? VERSIONS[0],
      kind: 'ExecCredential',
      status: {
        token: bareToken(found.token),
        ...(expires === null ? {} : { expirationTimestamp: expires }),
      },
    })
  },
}

function parseInfo(text: string | undefined): z.infer<typeof ExecInfo> | undefined {
  if (text === undefined || text === '') return undefined
  const info = ExecInfo.safeParse(parseJson(text)).data
  if (info === undefined) throw unusable('is not an ExecCredential')
  if (!VERSIONS.some((version) => version === info.apiVersion)) {
    throw unusable(`has the version ${info.apiVersion}. Supported are ${VERSIONS.join(' and ')}`)
  }
  return info
}

function unusable(what: string): CatchdError {
  return new CatchdError('request_invalid', {
    detail: `${EXEC_INFO} ${what}.`,
    next: 'catchd help credential',
  })
}
