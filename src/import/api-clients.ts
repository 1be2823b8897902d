/** Reads OAuth 2.0 settings of Postman (a collection, a request, or only its `auth`) and of Bruno (a `.bru` file). */
import type { ProfileEntry } from '../client/api-types.js'
import {
  entryOf,
  type Imported,
  type ImportedProfile,
  isRecord,
  loopbackOnly,
  notReadable,
  parseJsonOf,
} from './import.js'

/** The settings of both programs, which use different names for them. */
interface Settings {
  readonly name: string
  readonly grant: string | undefined
  readonly authorizationEndpoint: string | undefined
  readonly tokenEndpoint: string | undefined
  readonly clientId: string | undefined
  readonly clientSecret: string | undefined
  readonly scope: string | undefined
  readonly redirectUri: string | undefined
  readonly sendsSecretInBody: boolean
}

export function readPostman(text: string): Imported {
  const profiles = oauthBlocks(parseJsonOf('Postman', text)).map((members, index) => {
    const at = (key: string) => members.get(key)
    return profileOf({
      name: at('tokenName') ?? (index === 0 ? 'postman' : `postman-${index + 1}`),
      grant: at('grant_type'),
      authorizationEndpoint: at('authUrl'),
      tokenEndpoint: at('accessTokenUrl'),
      clientId: at('clientId'),
      clientSecret: at('clientSecret'),
      scope: at('scope'),
      redirectUri: at('redirect_uri'),
      sendsSecretInBody: at('client_authentication') === 'body',
    })
  })
  if (profiles.length === 0) throw notReadable('Postman', 'it contains no OAuth 2.0 settings.')
  return { profiles, urls: [] }
}

/** Finds `{"type": "oauth2", "oauth2": [{"key": …, "value": …}]}` anywhere in a collection. */
function oauthBlocks(value: unknown): Map<string, string>[] {
  if (Array.isArray(value)) return value.flatMap(oauthBlocks)
  if (!isRecord(value)) return []
  const { oauth2 } = value
  if (!Array.isArray(oauth2)) return Object.values(value).flatMap(oauthBlocks)
  const members = oauth2.flatMap((member: unknown): [string, string][] => {
    if (!isRecord(member) || typeof member['value'] !== 'string' || member['value'] === '') return []
    return [[String(member['key']), member['value']]]
  })
  return [new Map(members)]
}

export function readBruno(text: string): Imported {
  const block = /^auth:oauth2\s*\{\n([\s\S]*?)^\}/m.exec(text)?.[1]
  if (block === undefined) throw notReadable('Bruno', 'it contains no block auth:oauth2.')
  const at = (key: string) => new RegExp(`^\\s*${key}:[ \\t]*(\\S.*)$`, 'm').exec(block)?.[1]?.trim()
  const name = /^meta\s*\{\n(?:.*\n)*?\s*name:[ \t]*(\S.*)$/m.exec(text)?.[1]
  const settings = {
    name: name ?? 'bruno',
    grant: at('grant_type'),
    authorizationEndpoint: at('authorization_url'),
    tokenEndpoint: at('access_token_url'),
    clientId: at('client_id'),
    clientSecret: at('client_secret'),
    scope: at('scope'),
    redirectUri: at('callback_url'),
    sendsSecretInBody: at('credentials_placement') === 'body',
  }
  return { profiles: [profileOf(settings)], urls: [] }
}

const GRANTS: Readonly<Record<string, ProfileEntry['grant']>> = {
  client_credentials: 'client_credentials',
  authorization_code: undefined,
  authorization_code_with_pkce: undefined,
}

function profileOf(settings: Settings): ImportedProfile {
  const { redirect_uri, notes } = loopbackOnly(settings.redirectUri)
  const isKnown = settings.grant === undefined || Object.hasOwn(GRANTS, settings.grant)
  const secret = settings.clientSecret
  const entry = entryOf({
    authorization_endpoint: settings.authorizationEndpoint,
    token_endpoint: settings.tokenEndpoint,
    client_id: settings.clientId,
    client_secret: secret,
    grant: GRANTS[settings.grant ?? ''],
    scope: settings.scope,
    redirect_uri,
    token_endpoint_auth_method:
      secret !== undefined && settings.sendsSecretInBody ? 'client_secret_post' : undefined,
  })
  const variables = Object.values(entry).filter((value) => typeof value === 'string' && value.includes('{{'))
  return {
    name: settings.name,
    entry,
    notes: [
      ...notes,
      ...(isKnown
        ? []
        : [
            `catchd does not support the grant ${settings.grant}. The profile uses authorization_code instead.`,
          ]),
      ...(variables.length === 0
        ? []
        : [`It contains variables (${variables.join(', ')}). Replace them with their values.`]),
    ],
  }
}
