/** Reads the OpenID Connect users of a kubeconfig, from the output of `kubectl config view --raw --output json`. */
import type { ProfileEntry } from '../client/api-types.js'
import { shellWord } from '../text/shell-word.js'
import {
  entryOf,
  type Imported,
  type ImportedProfile,
  isRecord,
  loopbackOnly,
  notImported,
  notReadable,
  parseJsonOf,
  REFRESH_TOKEN_STAYS,
  textOf,
  textsOf,
} from './import.js'

const PROGRAM = 'kubectl'
/** Prints the file, which is YAML, as JSON. */
const PRINTED = 'kubectl config view --raw --output json | catchd import kubeconfig'

export function readKubeconfig(text: string): Imported {
  const { users } = parseJsonOf(PROGRAM, text, PRINTED)
  const profiles = (Array.isArray(users) ? users : []).flatMap((user: unknown) => profileOf(user) ?? [])
  if (profiles.length === 0) {
    throw notReadable(PROGRAM, 'it has no user that logs in with OpenID Connect.', PRINTED)
  }
  return { profiles, urls: [] }
}

function profileOf(value: unknown): ImportedProfile | undefined {
  if (!isRecord(value) || !isRecord(value['user'])) return undefined
  const name = textOf(value, 'name') ?? 'kubernetes'
  const { exec, 'auth-provider': provider } = value['user']
  if (isRecord(exec)) return kubelogin(name, exec)
  if (isRecord(provider) && provider['name'] === 'oidc' && isRecord(provider['config'])) {
    return authProvider(name, provider['config'])
  }
  return undefined
}

/** `kubectl oidc-login get-token --oidc-issuer-url=…`. */
function kubelogin(name: string, { args }: Readonly<Record<string, unknown>>): ImportedProfile | undefined {
  const options = optionsOf(textsOf(args))
  const values = (option: (typeof IMPORTED)[number]) => options.get(option) ?? []
  const [issuer] = values('oidc-issuer-url')
  if (issuer === undefined) return undefined
  const { redirect_uri, notes } = loopbackOnly(values('oidc-redirect-url')[0] ?? defaultRedirectUri(options))
  const [authority, ...otherAuthorities] = values('certificate-authority')
  const [grant = 'auto'] = values('grant-type')
  const parameters = pairs(values('oidc-auth-request-extra-params'))
  const headers = pairs(values('oidc-request-header'))
  const dropped = [...options.keys()].filter((option) => !IMPORTED.some((known) => known === option))
  return {
    name,
    entry: entryOf({
      issuer,
      client_id: values('oidc-client-id')[0],
      client_secret: values('oidc-client-secret')[0],
      grant: GRANTS[grant],
      scope: ['openid', ...values('oidc-extra-scope').flatMap((scopes) => scopes.split(','))].join(' '),
      ca_file: authority,
      redirect_uri,
      code_challenge_method: values('oidc-pkce-method')[0] === 'no' ? 'none' : undefined,
      authorization_parameters: parameters,
      token_request_headers: headers,
    }),
    notes: [
      ...execNotes(name, !['', 'true'].includes(values('oidc-use-access-token')[0] ?? 'false')),
      ...notes,
      ...(Object.hasOwn(GRANTS, grant)
        ? []
        : [`catchd does not support the grant ${grant}. The profile uses authorization_code instead.`]),
      ...notImported([
        ...dropped.map((option) => `--${option}`),
        ...(otherAuthorities.length === 0 ? [] : ['the other files of --certificate-authority']),
      ]),
    ],
  }
}

/** The options of kubelogin that become settings of the profile. */
const IMPORTED = [
  'oidc-issuer-url',
  'oidc-client-id',
  'oidc-client-secret',
  'oidc-redirect-url',
  'oidc-extra-scope',
  'oidc-use-access-token',
  'oidc-use-pkce',
  'oidc-pkce-method',
  'oidc-auth-request-extra-params',
  'oidc-request-header',
  'listen-address',
  'local-server-cert',
  'certificate-authority',
  'grant-type',
] as const

const GRANTS: Readonly<Record<string, ProfileEntry['grant']>> = {
  auto: undefined,
  authcode: undefined,
  'authcode-keyboard': undefined,
  'device-code': 'urn:ietf:params:oauth:grant-type:device_code',
  'client-credentials': 'client_credentials',
}

/** The options with their values: `--name=value`, `--name value`, or `--name` alone, whose value is ''. */
function optionsOf(words: readonly string[]): ReadonlyMap<string, string[]> {
  const options = new Map<string, string[]>()
  words.forEach((word, index) => {
    const [, name, given] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined) return
    const next = words[index + 1]
    const value = given ?? (next === undefined || next.startsWith('--') ? '' : next)
    options.set(name, [...(options.get(name) ?? []), value])
  })
  return options
}

/** kubelogin redirects to `localhost` whatever address it listens on. */
function defaultRedirectUri(options: ReadonlyMap<string, string[]>): string {
  const address = options.get('listen-address')?.[0]?.split(',')[0] ?? '127.0.0.1:8000'
  const port = /:(\d+)$/.exec(address)?.[1] ?? '8000'
  return `${options.has('local-server-cert') ? 'https' : 'http'}://localhost:${port}`
}

/** Of `ttl=86400,prompt=login`. */
function pairs(values: readonly string[]): Record<string, string> | undefined {
  const entries = values
    .flatMap((value) => value.split(','))
    .flatMap((pair): [string, string][] => {
      const at = pair.indexOf('=')
      return at < 1 ? [] : [[pair.slice(0, at), pair.slice(at + 1)]]
    })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** kubectl removed this in 1.26, but many files still have it. */
function authProvider(name: string, config: Readonly<Record<string, unknown>>): ImportedProfile {
  return {
    name,
    entry: entryOf({
      issuer: textOf(config, 'idp-issuer-url'),
      client_id: textOf(config, 'client-id'),
      client_secret: textOf(config, 'client-secret'),
      scope: ['openid', ...(textOf(config, 'extra-scopes')?.split(',') ?? [])].join(' '),
      ca_file: textOf(config, 'idp-certificate-authority'),
    }),
    notes: [
      // With both, kubectl refuses the user.
      `Remove the old user: kubectl config delete-user ${shellWord(name)}`,
      ...execNotes(name, true),
      ...(textOf(config, 'refresh-token') === undefined ? [] : [REFRESH_TOKEN_STAYS]),
    ],
  }
}

/** The command that makes the user of the kubeconfig ask catchd. Both programs send the id_token to the cluster by default. */
function execNotes(user: string, takesIdToken: boolean): string[] {
  const words = ['credential', '--profile', '{profile}', ...(takesIdToken ? ['--id-token'] : []), 'kubectl']
  const options = [
    'api-version=client.authentication.k8s.io/v1',
    'interactive-mode=IfAvailable',
    'command=catchd',
  ]
  const exec = [...options, ...words.map((word) => `arg=${word}`)].map((option) => `--exec-${option}`)
  return ['Tell kubectl:', `kubectl config set-credentials ${shellWord(user)} ${exec.join(' ')}`]
}
