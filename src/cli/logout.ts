/**
 * `catchd logout NAME`: the daemon revokes the tokens where it can, and forgets them. A server that could not be
 * told is no failure, but it is said, with how long the tokens go on there.
 */
import type { Command } from 'commander'
import type { ProfileAnswer } from '../client/api-types.js'
import type { Context } from './context.js'
import { expiryInWords } from './instants.js'
import { printJson, printNote, printResult } from './output.js'
import { printable } from './printable.js'

export function defineLogout(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: { json?: true }) => logout(context, name, options))
}

async function logout(context: Context, name: string, options: { readonly json?: true }): Promise<void> {
  // Asked for first: afterwards nobody knows any more. Whatever is wrong with it, the logout itself will say.
  const before = await context.client.profile(name).catch(() => undefined)
  const { revoked, not_revoked } = await context.client.logout(name)
  if (options.json) printJson({ profile: name, status: 'login_required', revoked, not_revoked })
  else printResult(`Logged out: ${name}`)
  if (not_revoked !== null) printNote(stillValid(not_revoked, before, Date.now()))
}

function stillValid(reason: string, before: ProfileAnswer | undefined, nowMs: number): string {
  const cause = printable(reason).replace(/[.\s]+$/, '')
  return `The authorization server could not be told: ${cause}; its tokens stay valid until ${end(before, nowMs)}.`
}

/** The later of access and refresh token ends when a person would have been needed. */
function end(before: ProfileAnswer | undefined, nowMs: number): string {
  const last = before?.login_needed_at ?? null
  return last !== null && Date.parse(last) > nowMs ? expiryInWords(last, nowMs) : 'the server ends them'
}
