/**
 * `catchd logout NAME`: revokes the tokens at the server if possible, and deletes them. If the server could not revoke
 * them, that is not a failure, but the command prints it, with the time until which the tokens stay valid there.
 */
import type { Command } from '@commander-js/extra-typings'
import type { ProfileAnswer } from '../client/api-types.js'
import type { Context } from './context.js'
import { expiryInWords, printJson, printNote, printResult } from './output.js'

export function define(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .option('--json', 'print the result as JSON')
    .action(async (name, { json }) => {
      // Read before the logout, because it is not known afterwards. If this fails, the logout reports the cause.
      const before = await context.client.profile(name).catch(() => undefined)
      const { revoked, not_revoked } = await context.client.logout(name)
      if (json) printJson({ profile: name, status: 'login_required', revoked, not_revoked })
      else printResult(`Logged out: ${name}`)
      if (not_revoked !== null) printNote(stillValid(not_revoked, before, Date.now()))
    })
}

function stillValid(reason: string, before: ProfileAnswer | undefined, nowMs: number): string {
  const cause = reason.replace(/[.\s]+$/, '')
  return `The tokens were not revoked at the authorization server: ${cause}. They stay valid until ${end(before, nowMs)}.`
}

/** The next login would have been needed when both the access token and the refresh token had expired. */
function end(before: ProfileAnswer | undefined, nowMs: number): string {
  const last = before?.login_needed_at ?? null
  return last !== null && Date.parse(last) > nowMs ? expiryInWords(last, nowMs) : 'the server ends them'
}
