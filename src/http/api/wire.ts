/**
 * The JSON of the API, version 1: schemas that routes validate with and OpenAPI is generated from, and the
 * mapping of what the program knows to what it says.
 *
 * Pure; logins are in login-answers.ts. Names are snake_case, instants RFC 3339 UTC strings, durations integer seconds, and what is unknown is
 * `null`. A refresh token has no member anywhere here: an answer cannot hold one.
 */
import * as z from 'zod'
import { toInstant } from '../../clock.js'
import { ProfileEntry, ProfileName } from '../../config/profile.js'
import type { IdToken } from '../../tokens/id-token.js'
import { secondsLeft, type TokenSet } from '../../tokens/token-set.js'
import { LASTING_VAULTS } from '../../vault/vault-kinds.js'
import type { ApiKey } from '../access/api-keys-file.js'
import type { KeyUse } from '../access/key-uses.js'
import { KeyAction } from '../access/principal.js'
import { FailureCode } from './failure-answer.js'
import type { ProfileView } from './services.js'

const Instant = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC' })

export const ProblemAnswer = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: FailureCode,
    detail: z.string().optional(),
    next: z.string().describe('One command to run next'),
    profile: z.string().optional(),
    error: z.string().optional().describe('error of the authorization server'),
    error_description: z.string().optional(),
    login_id: z.string().optional().describe('With login_required: the login that was started or waited for'),
    authorization_url: z.string().optional().describe('With login_required: where that login goes on'),
    errors: z
      .array(z.object({ in: z.string(), name: z.string(), detail: z.string() }))
      .optional()
      .describe('With request_invalid: in `body`, `query` or `path`, which member breaks which rule'),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457)' })

export const TokenAnswer = z
  .object({
    access_token: z.string(),
    token_type: z.string(),
    expires_in: z.int().nullable().describe('Seconds left; null when the server did not say'),
    expires_at: Instant.nullable(),
    scope: z.string().nullable(),
    profile: z.string(),
  })
  .meta({ id: 'Token' })
export type TokenAnswer = z.infer<typeof TokenAnswer>

export function tokenAnswer(set: TokenSet, profile: string, nowMs: number): TokenAnswer {
  return {
    access_token: set.accessToken.reveal(),
    token_type: set.tokenType,
    expires_in: secondsLeft(set, nowMs),
    expires_at: instantOrNull(set.expiresAtMs),
    scope: set.scope,
    profile,
  }
}

export const IdTokenAnswer = z
  .object({
    id_token: z.string(),
    expires_in: z.int().describe('Seconds left'),
    expires_at: Instant.describe('`exp` of the id_token'),
    issuer: z.string().describe('`iss` of the id_token'),
    subject: z.string().describe('`sub` of the id_token'),
    profile: z.string(),
  })
  .meta({ id: 'IdToken' })
export type IdTokenAnswer = z.infer<typeof IdTokenAnswer>

export function idTokenAnswer(
  { token, expiresAtMs, issuer, subject }: IdToken,
  profile: string,
  nowMs: number,
): IdTokenAnswer {
  return {
    id_token: token.reveal(),
    expires_in: Math.max(0, Math.floor((expiresAtMs - nowMs) / 1000)),
    expires_at: toInstant(expiresAtMs),
    issuer,
    subject,
    profile,
  }
}

export const ProofRequest = z
  .strictObject({
    method: z.string().regex(/^[A-Z]{1,20}$/, 'must be an HTTP method in capitals'),
    url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }),
    nonce: z.string().min(1).max(1024).optional().describe('DPoP-Nonce of the resource server'),
  })
  .meta({ id: 'ProofRequest' })

export const ProofAnswer = TokenAnswer.extend({ dpop: z.string() }).meta({ id: 'Proof' })

export const PastedResponse = z
  .strictObject({ url: z.string().min(1).describe('The URL that the browser ended on') })
  .meta({ id: 'PastedResponse' })

export const ProfileConfiguration = ProfileEntry.meta({ id: 'ProfileConfiguration' })

export const NewProfileFromUrl = z
  .strictObject({
    url: z.string().min(1).max(2048).describe('A protected resource (an MCP server, an API) or an issuer'),
    profile: ProfileName.optional().describe('Name of the profile; made from the host otherwise'),
    client_id: z
      .string()
      .min(1)
      .optional()
      .describe('Of a client registered by hand, or the URL of a Client ID Metadata Document'),
    scope: z.string().optional().describe('What to ask for instead of what the resource wants'),
    ca_file: z.string().min(1).optional(),
    register_again: z
      .boolean()
      .default(false)
      .describe('The server no longer knows the client: another is registered for the profile'),
  })
  .meta({ id: 'NewProfileFromUrl' })

const ProfileStatus = z
  .enum(['logged_in', 'login_required', 'login_pending', 'expired'])
  .meta({ id: 'ProfileStatus' })

export const ProfileAnswer = z
  .object({
    profile: z.string(),
    configuration: ProfileConfiguration.describe('As configured, without secrets'),
    status: ProfileStatus,
    expires_at: Instant.nullable(),
    scope: z.string().nullable(),
    subject: z.string().nullable(),
    login_needed_at: Instant.nullable().describe(
      'When a person has to log in next, as things stand: past or present when it is now, null when the server does not say or nobody ever has to',
    ),
  })
  .meta({ id: 'Profile' })
export type ProfileAnswer = z.infer<typeof ProfileAnswer>

export const ProfileListAnswer = z.object({ profiles: z.array(ProfileAnswer) })

export function profileAnswer(view: ProfileView): ProfileAnswer {
  return {
    profile: view.name,
    configuration: view.entry,
    status: view.status,
    expires_at: instantOrNull(view.expiresAtMs),
    scope: view.scope,
    subject: view.subject,
    login_needed_at: instantOrNull(view.loginNeededAtMs),
  }
}

/** Named like profiles are. */
const ClientName = ProfileName

/** Ten years. */
const LONGEST_KEY_LIFE_SECONDS = 315_360_000

export const NewClient = z
  .strictObject({
    client: ClientName,
    profiles: z.array(ProfileName).max(1000).default([]),
    actions: z.array(KeyAction).min(1),
    expires_in: z.int().min(1).max(LONGEST_KEY_LIFE_SECONDS).nullable().default(null),
  })
  .refine(({ profiles, actions }) => profiles.length > 0 || actions.includes('admin'), {
    path: ['profiles'],
    message: 'must name at least one profile, unless the key is for `admin`',
  })
  .meta({ id: 'NewClient' })

export const ClientAnswer = z
  .object({
    client: z.string(),
    profiles: z.array(z.string()),
    actions: z.array(KeyAction),
    created_at: Instant,
    expires_at: Instant.nullable(),
    last_used_at: Instant.nullable().describe('null: never'),
    uses: z.int().describe('Requests with the key; a crash may cost the last minute of them'),
  })
  .meta({ id: 'Client' })
export type ClientAnswer = z.infer<typeof ClientAnswer>

export const NewClientAnswer = ClientAnswer.extend({
  key: z.string().describe('Shown this once; sent as `Authorization: Bearer KEY`'),
}).meta({ id: 'ClientWithKey' })

export const ClientListAnswer = z.object({ clients: z.array(ClientAnswer) })

export function clientAnswer(client: ApiKey, { lastUsedAtMs, uses }: KeyUse): ClientAnswer {
  return {
    client: client.name,
    profiles: [...client.profiles],
    actions: [...client.actions],
    created_at: toInstant(client.createdAtMs),
    expires_at: instantOrNull(client.expiresAtMs),
    last_used_at: instantOrNull(lastUsedAtMs),
    uses,
  }
}

export const StatusAnswer = z
  .object({
    version: z.string(),
    pid: z.int(),
    started_at: Instant,
    listeners: z.object({
      redirect: z.array(z.string()),
      socket: z.string().nullable(),
      tcp: z.string().nullable(),
    }),
    vault: z.object({
      kind: z.string(),
      engine: z.string(),
      health: z.string().describe('ok, locked or unavailable'),
      unsaved: z.array(z.string()).describe('Profiles whose newest tokens are in memory only'),
    }),
    config: z.object({ path: z.string(), ok: z.boolean(), error: z.string().nullable() }),
    profiles: z.int(),
    logins_pending: z.int(),
    token_accesses: z
      .array(
        z.object({
          client: z.string().describe('Name of an API key, `admin`, or `socket`'),
          profile: z.string(),
          first_at: Instant,
          last_at: Instant,
          count: z.int(),
        }),
      )
      .optional()
      .describe(
        'For admin keys and on the socket: who got which token, the newest first, since the daemon started; one row for each key, profile and minute',
      ),
  })
  .meta({ id: 'Status' })
export type StatusAnswer = z.infer<typeof StatusAnswer>

export const VaultMigration = z.strictObject({ to: z.enum(LASTING_VAULTS) }).meta({ id: 'NewVault' })

export const VaultMigrationAnswer = z
  .object({ from: z.string(), to: z.string(), items: z.int().describe('Items that were carried over') })
  .meta({ id: 'VaultMigration' })

function instantOrNull(ms: number | null): string | null {
  return ms === null ? null : toInstant(ms)
}
