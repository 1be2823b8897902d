/** `catchd status`: the daemon, the vault, the configuration, the listeners and the profiles on one screen. */
import type { Command } from 'commander'
import type { DaemonStatus } from '../client/wire.js'
import type { Context } from './context.js'
import { relative } from './instants.js'
import { facts, printJson, printResult } from './output.js'
import { profileTable } from './profile-table.js'

export function defineStatus(command: Command, context: Context): void {
  command
    .option('--json', "print the daemon's status and its profiles as JSON")
    .action((options: { json?: true }) => status(context, options))
}

async function status(context: Context, options: { readonly json?: true }): Promise<void> {
  const [daemon, profiles] = [await context.client.status(), await context.client.profiles()]
  // `profiles` is their number in the daemon's answer; a program gets both.
  if (options.json) return printJson({ ...daemon, profile_list: profiles })
  printResult(facts(statusFacts(daemon, Date.now())))
  if (profiles.length === 0)
    printResult('\nNo profiles yet: catchd profile add NAME --issuer URL --client-id ID')
  else printResult(`\n${profileTable(profiles, Date.now())}`)
}

function statusFacts(daemon: DaemonStatus, nowMs: number): [string, string][] {
  const { listeners, vault, config } = daemon
  const pairs: [string, string][] = [
    ['daemon', `${daemon.version}, process ${daemon.pid}, started ${relative(daemon.started_at, nowMs)}`],
    ['redirect', listeners.redirect.join(', ') || 'none'],
    ['socket', listeners.socket ?? 'none'],
    ['tcp', listeners.tcp ?? 'off'],
    ['vault', `${vault.kind} (${vault.engine}), ${vault.health}`],
  ]
  if (vault.unsaved.length > 0)
    pairs.push(['unsaved', `${vault.unsaved.join(', ')}: kept in memory, tried again`])
  pairs.push(['config', config.path])
  if (!config.ok) pairs.push(['', `not in use: ${config.error ?? 'it is not valid'}`])
  if (daemon.logins_pending > 0) pairs.push(['logins', `${daemon.logins_pending} pending`])
  return pairs
}
