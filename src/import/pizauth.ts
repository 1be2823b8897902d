/** Reads the accounts of `pizauth.conf`: `account "NAME" { KEY = VALUE; … }`, where a value is a text, a list or a map. */
import {
  entryOf,
  type Imported,
  type ImportedProfile,
  loopbackOnly,
  notImported,
  notReadable,
} from './import.js'

const PROGRAM = 'pizauth'

/** A text, the items of a list, or the pairs of a map one after the other. */
type Settings = ReadonlyMap<string, readonly string[]>

/** The settings that an imported profile has in another form. */
const IMPORTED = [
  'auth_uri',
  'token_uri',
  'client_id',
  'client_secret',
  'scopes',
  'redirect_uri',
  'login_hint',
]
const FIELDS = 'auth_uri_fields'

export function readPizauth(text: string): Imported {
  const profiles = accounts(tokensOf(text)).map(([name, settings]) => profileOf(name, settings))
  if (profiles.length === 0) throw notReadable(PROGRAM, 'it contains no account.')
  return { profiles, urls: [] }
}

function profileOf(name: string, settings: Settings): ImportedProfile {
  const text = (key: string) => settings.get(key)?.[0]
  const loginHint = text('login_hint')
  // What pizauth sends when the file says nothing.
  const { redirect_uri, notes } = loopbackOnly(text('redirect_uri') ?? 'http://localhost/')
  return {
    name,
    entry: entryOf({
      authorization_endpoint: text('auth_uri'),
      token_endpoint: text('token_uri'),
      client_id: text('client_id'),
      client_secret: text('client_secret'),
      scope: settings.get('scopes')?.join(' ') || undefined,
      // pizauth sends the secret in the body, and uses a new port for each login.
      token_endpoint_auth_method: text('client_secret') === undefined ? undefined : 'client_secret_post',
      redirect_uri: redirect_uri === undefined ? undefined : withFreshPort(redirect_uri),
      authorization_parameters: {
        // pizauth always sends it. Without it, Google gives no refresh token.
        access_type: 'offline',
        ...(loginHint === undefined ? {} : { login_hint: loginHint }),
        ...Object.fromEntries(pairs(settings.get(FIELDS) ?? [])),
      },
    }),
    notes: [
      ...notes,
      ...notImported([...settings.keys()].filter((key) => ![...IMPORTED, FIELDS].includes(key))),
      'The tokens stay in pizauth. Log in once with catchd.',
    ],
  }
}

function withFreshPort(redirectUri: string): string {
  const url = new URL(redirectUri)
  return url.port === '' ? `${url.protocol}//${url.hostname}:0${url.pathname}` : redirectUri
}

function pairs(items: readonly string[]): [string, string][] {
  return items.flatMap((key, index) => (index % 2 === 0 ? [[key, items[index + 1] ?? '']] : []))
}

interface Token {
  /** The text of a string, without its quotes; otherwise a word or a sign. */
  readonly text: string
  readonly isString: boolean
}

/** Comments begin with `//` and end with the line. In a string, a backslash comes before a quote or a backslash. */
function tokensOf(text: string): Token[] {
  return [...text.matchAll(/"((?:\\[\\"]|[^"\\])*)"|\/\/.*|([\w.]+|[^\s])/g)].flatMap(
    ([, string, other]): Token[] => {
      if (string !== undefined) return [{ text: string.replaceAll(/\\(.)/g, '$1'), isString: true }]
      return other === undefined ? [] : [{ text: other, isString: false }]
    },
  )
}

function accounts(tokens: readonly Token[]): [string, Settings][] {
  return tokens.flatMap((token, at) => {
    const [name, brace] = tokens.slice(at + 1, at + 3)
    const isAccount = !token.isString && token.text === 'account' && name?.isString && brace?.text === '{'
    return isAccount ? [[name.text, settingsAt(tokens, at + 3)]] : []
  })
}

/** The settings up to the brace that closes the account. */
function settingsAt(tokens: readonly Token[], start: number): Settings {
  const settings = new Map<string, string[]>()
  let depth = 1
  let key = ''
  for (let at = start; at < tokens.length && depth > 0; at += 1) {
    const { text, isString } = tokens[at] ?? { text: '', isString: false }
    if (isString) settings.get(key)?.push(text)
    else if (text === '{') depth += 1
    else if (text === '}') depth -= 1
    else if (depth === 1 && tokens[at + 1]?.text === '=' && tokens[at + 1]?.isString === false) {
      key = text
      settings.set(key, [])
    }
  }
  return settings
}
