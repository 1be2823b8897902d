/**
 * The key `token_response` of a profile: where a server's token response differs from RFC 6749 §5.1, and how. Read by
 * authorization-server/token-response.ts.
 */
import * as z from 'zod'

const pointer = z.string().regex(/^\//, 'must be a JSON pointer that begins with /')

/**
 * Members of a token response that are read (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3), and `expires_at`, which is read
 * only where a profile points at it.
 */
export const TOKEN_RESPONSE_MEMBERS = [
  'access_token',
  'token_type',
  'expires_in',
  'expires_at',
  'refresh_token',
  'scope',
  'id_token',
] as const

/** For token responses that differ from RFC 6749 §5.1. */
export const TokenResponseShape = z.strictObject({
  pointers: z
    .partialRecord(
      z.enum(TOKEN_RESPONSE_MEMBERS),
      z.union([pointer, z.array(pointer).min(1)], {
        error: 'must be a JSON pointer that begins with /, or a list of them',
      }),
    )
    .optional()
    .describe(
      'JSON pointers (RFC 6901) to members that are not at the top level or have another name; of a list, the first that exists is used; expires_at: a member with the instant at which the access token expires, as a date with a time zone, or in seconds or milliseconds since 1970',
    ),
  defaults: z
    .partialRecord(z.enum(['token_type', 'scope']), z.string())
    .optional()
    .describe('Values for members that the server leaves out, or for a token_type that catchd does not know'),
  expires_in_unit: z.enum(['s', 'ms']).optional().describe('Unit of expires_in: seconds, or milliseconds'),
  scope_separator: z
    .string()
    .length(1)
    .optional()
    .describe('Separator between scopes in the answer, if it differs from the one in requests'),
  dead_refresh_token: z
    .array(z.union([z.string(), z.number()], { error: 'must be a list of strings and numbers' }))
    .optional()
    .describe(
      'What the server says about a refresh token that is no longer valid, if it does not say invalid_grant: error codes, numbers, or sentences of its texts',
    ),
})
export type TokenResponseShape = z.infer<typeof TokenResponseShape>
