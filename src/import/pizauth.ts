/** Reads the accounts of `pizauth.conf`. */
import { entryOf, type Imported, type ImportedProfile, loopbackOnly, notReadable } from './import.js'

const PROGRAM = 'pizauth'

export function readPizauth(text: string): Imported {
  const bare = text.replaceAll(/^\s*\/\/.*$/gm, '')
  const profiles = [...bare.matchAll(/account\s+"([^"]+)"\s*\{/g)].map((match) =>
    account(match[1] ?? '', blockAt(bare, match.index + match[0].length)),
  )
  if (profiles.length === 0) throw notReadable(PROGRAM, 'it contains no account.')
  return { profiles, urls: [] }
}

function account(name: string, block: string): ImportedProfile {
  const text = (key: string) => new RegExp(`\\b${key}\\s*=\\s*"([^"]*)"`).exec(block)?.[1]
  const scopes = /\bscopes\s*=\s*\[([^\]]*)\]/.exec(block)?.[1] ?? ''
  const fields = /\bauth_uri_fields\s*=\s*\{([^}]*)\}/.exec(block)?.[1] ?? ''
  const parameters = [...fields.matchAll(/"([^"]+)"\s*:\s*"([^"]*)"/g)].map(([, key = '', value = '']) => [
    key,
    value,
  ])
  const { redirect_uri, notes } = loopbackOnly(text('redirect_uri'))
  return {
    name,
    entry: entryOf({
      authorization_endpoint: text('auth_uri'),
      token_endpoint: text('token_uri'),
      client_id: text('client_id'),
      client_secret: text('client_secret'),
      scope: [...scopes.matchAll(/"([^"]+)"/g)].map(([, scope]) => scope).join(' ') || undefined,
      // pizauth sends the secret in the body, and uses a new port for each login.
      token_endpoint_auth_method: text('client_secret') === undefined ? undefined : 'client_secret_post',
      redirect_uri: redirect_uri === undefined ? undefined : withFreshPort(redirect_uri),
      authorization_parameters: parameters.length === 0 ? undefined : Object.fromEntries(parameters),
    }),
    notes: [...notes, 'The tokens stay in pizauth. Log in once with catchd.'],
  }
}

function withFreshPort(redirectUri: string): string {
  const url = new URL(redirectUri)
  return url.port === '' ? `${url.protocol}//${url.hostname}:0${url.pathname}` : redirectUri
}

/** The text up to the brace that closes the block. */
function blockAt(text: string, start: number): string {
  let depth = 1
  for (let index = start; index < text.length; index += 1) {
    if (text[index] === '{') depth += 1
    if (text[index] === '}') depth -= 1
    if (depth === 0) return text.slice(start, index)
  }
  return text.slice(start)
}
