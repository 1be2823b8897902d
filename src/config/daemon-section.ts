/**
 * The top-level key `daemon`: what the daemon listens on, and how it works.
 *
 * Pure. The schema is the only source of the types, of the environment variables with the same names (environment.ts), of
 * the JSON Schema for editors and of the reference page. settings.ts decides which value counts.
 */
import * as z from 'zod'
import { choicesInWords, VAULT_CHOICES } from '../vault/vault-kinds.js'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** Settings without a default are not in this list. */
export const SETTING_DEFAULTS = {
  redirect_port: 8252,
  api_port: 7636,
  vault: 'auto',
  log_level: 'info',
  login_timeout_seconds: 600,
} as const

function wholeNumber(least: number, most: number) {
  const rule = `must be a whole number from ${least} to ${most}`
  return z.int(rule).min(least, rule).max(most, rule)
}

export const DaemonSection = z
  .strictObject({
    redirect_port: wholeNumber(0, 65_535)
      .meta({ default: SETTING_DEFAULTS.redirect_port })
      .describe('Port of the redirect URI of profiles that set none. 0: a new port for each login.'),
    api_port: wholeNumber(0, 65_535)
      .meta({ default: SETTING_DEFAULTS.api_port })
      .describe('Port of the API on 127.0.0.1. 0: no TCP, only the socket.'),
    vault: z
      .enum(VAULT_CHOICES)
      .meta({ default: SETTING_DEFAULTS.vault })
      .describe(`Where tokens are stored: ${choicesInWords()}.`),
    browser: z
      .string()
      .min(1)
      .describe(
        "Command that opens the authorization URL, or none. Quotes keep spaces; %s stands for the URL. Unset: BROWSER, which may be a list of commands separated by colons, otherwise the system's browser.",
      ),
    log_level: z
      .enum(LOG_LEVELS)
      .meta({ default: SETTING_DEFAULTS.log_level })
      .describe('trace, debug, info, warn, error, fatal or silent. No level logs a secret.'),
    login_timeout_seconds: wholeNumber(5, 3600)
      .meta({ default: SETTING_DEFAULTS.login_timeout_seconds })
      .describe('How long a login waits for its authorization response: 5 to 3600 seconds.'),
    client_metadata_url: z
      .string()
      .refine(isClientMetadataUrl, 'must be an https URL with a path and without a fragment')
      .describe(
        'The client_id of new profiles at servers that support client ID metadata documents: the https URL of your document. Unset: catchd registers a client.',
      ),
  })
  .partial()
export type DaemonSection = z.infer<typeof DaemonSection>
export type SettingName = keyof DaemonSection

/** What is bound or opened once, when the daemon starts. Every other change is used at once. */
export const AFTER_RESTART: ReadonlySet<string> = new Set<SettingName>(['redirect_port', 'api_port', 'vault'])

/** Client ID Metadata Document §3: https, a path without dot segments, no fragment, no user name, no password. */
function isClientMetadataUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { href, protocol, pathname, hash, username, password } = new URL(text)
  // Servers compare the text, so it must be the URL that catchd reads in it.
  return protocol === 'https:' && pathname !== '/' && `${hash}${username}${password}` === '' && href === text
}
