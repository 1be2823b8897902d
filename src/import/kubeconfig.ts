/** Reads the OpenID Connect users of a kubeconfig, from the output of `kubectl config view --raw --output json`. */
import {
  entryOf,
  type Imported,
  type ImportedProfile,
  isRecord,
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
  const words = textsOf(args)
  const values = (option: string) =>
    words.flatMap((word, index) => {
      if (word.startsWith(`--${option}=`)) return [word.slice(option.length + 3)]
      return word === `--${option}` && words[index + 1] !== undefined ? [String(words[index + 1])] : []
    })
  const [issuer] = values('oidc-issuer-url')
  if (issuer === undefined) return undefined
  const [redirectUri] = values('listen-address').map((address) => `http://${address}`)
  return {
    name,
    entry: entryOf({
      issuer,
      client_id: values('oidc-client-id')[0],
      client_secret: values('oidc-client-secret')[0],
      scope: ['openid', ...values('oidc-extra-scope').flatMap((scopes) => scopes.split(','))].join(' '),
      ca_file: values('certificate-authority')[0],
      // The default address of kubelogin.
      redirect_uri: redirectUri ?? 'http://localhost:8000',
    }),
    notes: [execNote(!words.some((word) => /^--oidc-use-access-token(?:=true)?$/.test(word)))],
  }
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
    notes: [execNote(true), ...(textOf(config, 'refresh-token') === undefined ? [] : [REFRESH_TOKEN_STAYS])],
  }
}

/** Both programs send the id_token to the cluster by default. */
function execNote(takesIdToken: boolean): string {
  const option = takesIdToken ? ' --id-token' : ''
  return `Set the exec command in the kubeconfig to: catchd credential --profile NAME${option} kubectl`
}
