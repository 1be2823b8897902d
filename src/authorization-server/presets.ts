/** Known servers as data. */
import type { ProfileEntry } from '../config/profile.js'

export interface Preset {
  readonly name: string
  readonly title: string
  readonly source: string
  readonly checked: string
  readonly register: string
  readonly profile: ProfileEntry
}

export const PRESETS: readonly Preset[] = [
  {
    name: 'webmethods',
    title: 'webMethods API Gateway',
    source: 'https://docs.webmethods.io/',
    checked: '2026-11-23',
    register: 'The redirect URI exactly as catchd shows it',
    profile: {
      authorization_endpoint: '{base}/invoke/pub.apigateway.oauth2/authorize',
      token_endpoint: '{base}/invoke/pub.apigateway.oauth2/getAccessToken',
      refresh_endpoint: '{base}/invoke/pub.oauth/refreshAccessToken',
      revocation_endpoint: '{base}/invoke/pub.oauth/revokeToken',
      introspection_endpoint: '{base}/invoke/pub.oauth/introspectToken',
      token_request_format: 'json',
      token_parameters: { scope: '{scope}', client_id: '{client_id}' },
    },
  },
]

export function findPreset(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name)
}
