/** Reads an account of oidc-agent, from the output of `oidc-gen --print NAME`. */
import {
  entryOf,
  type Imported,
  loopbackOnly,
  notImported,
  notReadable,
  parseJsonOf,
  REFRESH_TOKEN_STAYS,
  textOf,
  textsOf,
} from './import.js'

const PROGRAM = 'oidc-agent'

/** Settings that become those of the profile, or that say nothing beyond them. */
const NOT_LOST: readonly string[] = [
  'name',
  'client_name',
  'issuer_url',
  'issuer',
  'client_id',
  'client_secret',
  'scope',
  'redirect_uris',
  'cert_path',
  'audience',
  'refresh_token',
  'daeSetByUser',
]

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
          // oidc-agent always sends both. Without them, Google gives no refresh token.
          authorization_parameters: {
            access_type: 'offline',
            prompt: 'consent',
            ...(audience === undefined ? {} : { audience }),
          },
        }),
        notes: [
          ...notes,
          ...(issuer.endsWith('/')
            ? ['The slash at the end of the issuer was removed. If your issuer needs it, add it again.']
            : []),
          ...notImported(
            Object.entries(account).flatMap(([key, value]) =>
              NOT_LOST.includes(key) || [undefined, '', null, 0, false].some((none) => none === value)
                ? []
                : [key],
            ),
          ),
          ...(textOf(account, 'refresh_token') === undefined ? [] : [REFRESH_TOKEN_STAYS]),
        ],
      },
    ],
    urls: [],
  }
}
