/** Reads OAuth 2.0 settings of Postman (a collection, a request, or only its `auth`) and of Bruno (a `.bru` file). */
import type { ProfileEntry } from '../client/api-types.js'
import {
  entryOf,
  type Imported,
  type ImportedProfile,
  isRecord,
  loopbackOnly,
  notImported,
  notReadable,
  parseJsonOf,
  textOf,
} from './import.js'

/** The names of the settings in each program. */
const POSTMAN = {
  grant: 'grant_type',
  authorizationEndpoint: 'authUrl',
  tokenEndpoint: 'accessTokenUrl',
  clientId: 'clientId',
  clientSecret: 'clientSecret',
  scope: 'scope',
  redirectUri: 'redirect_uri',
  placeOfSecret: 'client_authentication',
  refreshEndpoint: 'refreshTokenUrl',
}
const BRUNO: typeof POSTMAN = {
  grant: 'grant_type',
  authorizationEndpoint: 'authorization_url',
  tokenEndpoint: 'access_token_url',
  clientId: 'client_id',
  clientSecret: 'client_secret',
  scope: 'scope',
  redirectUri: 'callback_url',
  placeOfSecret: 'credentials_placement',
  refreshEndpoint: 'refresh_token_url',
}

/** Settings of the programs themselves, and of their own login. */
const NOT_LOST: readonly string[] = [
  ...['tokenName', 'addTokenTo', 'headerPrefix', 'useBrowser', 'accessToken', 'tokenType', 'state'],
  ...[
    'challengeAlgorithm',
    'code_verifier',
    'pkce',
    'credentials_id',
    'token_placement',
    'token_header_prefix',
  ],
  ...['auto_fetch_token', 'auto_refresh_token', 'token_source'],
]

export function readPostman(text: string): Imported {
  const profiles = oauthBlocks(parseJsonOf('Postman', text)).map((members, index) => {
    const name = members.get('tokenName') ?? (index === 0 ? 'postman' : `postman-${index + 1}`)
    return profileOf(name, members, POSTMAN)
  })
  if (profiles.length === 0) throw notReadable('Postman', 'it contains no OAuth 2.0 settings.')
  return { profiles, urls: [] }
}

/** Folders within folders. A deeper file is not one that Postman wrote. */
const MOST_LEVELS = 200

/** Finds `{"type": "oauth2", "oauth2": [{"key": …, "value": …}]}` anywhere in a collection. */
function oauthBlocks(value: unknown, levels = MOST_LEVELS): Map<string, string>[] {
  if (levels === 0 || typeof value !== 'object' || value === null) return []
  const oauth2 = isRecord(value) ? value['oauth2'] : undefined
  if (!Array.isArray(oauth2)) return Object.values(value).flatMap((inner) => oauthBlocks(inner, levels - 1))
  const members = oauth2.flatMap((member: unknown): [string, string][] => {
    const key = isRecord(member) ? textOf(member, 'key') : undefined
    const value = isRecord(member) ? member['value'] : undefined
    if (key === undefined) return []
    if (Array.isArray(value) && value.length > 0) return [[key, '']] // a list of parameters
    return typeof value === 'string' && value.trim() !== '' ? [[key, value.trim()]] : []
  })
  return [new Map(members)]
}

export function readBruno(text: string): Imported {
  const block = /^auth:oauth2\s*\{\n([\s\S]*?)^\}/m.exec(text)?.[1]
  if (block === undefined) throw notReadable('Bruno', 'it contains no block auth:oauth2.')
  const name = /^meta\s*\{\n(?:.*\n)*?\s*name:[ \t]*(\S.*)$/m.exec(text)?.[1]
  const members = [...block.matchAll(/^\s*(\w+):[ \t]*(\S.*)$/gm)].map(
    ([, key = '', value = '']): [string, string] => [key, value.trim()],
  )
  const profile = profileOf(name ?? 'bruno', new Map(members), BRUNO)
  return { profiles: [profile], urls: [] }
}

const GRANTS: Readonly<Record<string, ProfileEntry['grant']>> = {
  client_credentials: 'client_credentials',
  authorization_code: undefined,
  authorization_code_with_pkce: undefined,
}

function profileOf(
  name: string,
  members: ReadonlyMap<string, string>,
  names: typeof POSTMAN,
): ImportedProfile {
  const given = (setting: keyof typeof POSTMAN) => members.get(names[setting])
  const known = [...Object.values(names), ...NOT_LOST]
  const { redirect_uri, notes } = loopbackOnly(given('redirectUri'))
  const grant = given('grant')
  const secret = given('clientSecret')
  const entry = entryOf({
    authorization_endpoint: given('authorizationEndpoint'),
    token_endpoint: given('tokenEndpoint'),
    refresh_endpoint: given('refreshEndpoint'),
    client_id: given('clientId'),
    client_secret: secret,
    grant: GRANTS[grant ?? ''],
    scope: given('scope'),
    redirect_uri,
    token_endpoint_auth_method:
      secret !== undefined && given('placeOfSecret') === 'body' ? 'client_secret_post' : undefined,
  })
  if (grant !== undefined && !Object.hasOwn(GRANTS, grant)) {
    notes.push(`catchd does not support the grant ${grant}. The profile uses authorization_code instead.`)
  }
  const variable = Object.entries(entry).flatMap(([key, value]) =>
    typeof value === 'string' && value.includes('{{') ? [key] : [],
  )
  if (variable.length > 0) {
    // By name, because one of the values may be a secret.
    notes.push(`These settings contain variables: ${variable.join(', ')}. Replace them with their values.`)
  }
  return {
    name,
    entry,
    notes: [...notes, ...notImported([...members.keys()].filter((key) => !known.includes(key)))],
  }
}
