/** Reads an account of oidc-agent, from the output of `oidc-gen --print NAME`. */
import {
  entryOf,
  type Imported,
  loopbackOnly,
  notReadable,
  parseJsonOf,
  REFRESH_TOKEN_STAYS,
  textOf,
  textsOf,
} from './import.js'

const PROGRAM = 'oidc-agent'

export function readOidcAgent(text: string): Imported {
  const account = parseJsonOf(PROGRAM, text)
  const issuer = textOf(account, 'issuer_url') ?? textOf(account, 'issuer')
  const clientId = textOf(account, 'client_id')
  if (issuer === undefined || clientId === undefined) {
    throw notReadable(PROGRAM, 'it has no issuer_url and client_id (oidc-gen --print NAME shows them).')
  }
  const { redirect_uri, notes } = loopbackOnly(
    textsOf(account['redirect_uris']).find((uri) => uri.startsWith('http://')),
  )
  const audience = textOf(account, 'audience')
  return {
    profiles: [
      {
        name: textOf(account, 'name') ?? 'oidc-agent',
        entry: entryOf({
          // oidc-agent adds the slash that many issuers do not have.
          issuer: issuer.replace(/\/$/, ''),
          client_id: clientId,
          client_secret: textOf(account, 'client_secret'),
          scope: textOf(account, 'scope'),
          redirect_uri,
          ca_file: textOf(account, 'cert_path'),
          authorization_parameters: audience === undefined ? undefined : { audience },
        }),
        notes: [
          ...notes,
          ...(issuer.endsWith('/')
            ? ['The slash at the end of the issuer was removed. If your issuer needs it, add it again.']
            : []),
          ...(textOf(account, 'refresh_token') === undefined ? [] : [REFRESH_TOKEN_STAYS]),
        ],
      },
    ],
    urls: [],
  }
}
