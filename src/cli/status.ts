/** `catchd status`: shows the daemon, the vault, the configuration, the listeners and the profiles on one screen. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from '@commander-js/extra-typings'
import type { DaemonStatus } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { facts, printJson, printResult, relative, shown } from './output.js'
import { profileTable } from './profile.js'

const EVERY_MS = 1_000
/** Moves the cursor to the upper left corner. The other two clear the rest of a line and the lines below. */
const HOME = '\u001B[H'
const CLEAR_LINE = '\u001B[K'
const CLEAR_BELOW = '\u001B[J'
/** Uses the terminal's alternate screen, so that the previous content comes back at the end. */
const ENTER = '\u001B[?1049h\u001B[?25l'
const LEAVE = '\u001B[?25h\u001B[?1049l'

export function define(command: Command, context: Context): void {
  command
    .option('--json', "print the daemon's status and its profiles as JSON")
    .option('-w, --watch', 'update the screen every second, until Ctrl-C')
    .action(async ({ json, watch }) => {
      const { client } = context
      if (watch) return watchStatus(context, json)
      if (!json) return printResult(await screenOf(client))
      // In the daemon's answer `profiles` is the number of profiles.
      printJson({ ...(await client.status()), profiles: await client.profiles() })
    })
}

/** Ctrl-C ends it without a failure. */
async function watchStatus(context: Context, json: true | undefined): Promise<void> {
  if (json || !process.stdout.isTTY) {
    throw new CatchdError('request_invalid', {
      detail: '--watch needs a terminal. Programs can read events from /v1/events.',
      next: 'catchd status --json',
    })
  }
  const { client, watchingClient, signal } = context
  await client.status() // starts the daemon if it is not running
  process.stdout.write(ENTER)
  try {
    while (!signal.aborted) {
      const screen = await screenOf(watchingClient).catch((error: unknown) => {
        if (error instanceof CatchdError) return [error.message]
        throw error
      })
      const lines = screen
        .slice(0, (process.stdout.rows ?? 24) - 1)
        .map((line) => shown(line, process.stdout))
      process.stdout.write(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`)
      await delay(EVERY_MS, undefined, { signal }).catch(() => {})
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    process.stdout.write(LEAVE)
  }
}

async function screenOf(client: CatchdClient): Promise<string[]> {
  const [daemon, profiles] = [await client.status(), await client.profiles()]
  const nowMs = Date.now()
  const none = daemon.config.ok ? 'No profiles yet: catchd init' : 'No profiles: catchd profile edit'
  const list = profiles.length === 0 ? [none] : profileTable(profiles, nowMs)
  return [...facts(statusFacts(daemon, nowMs)), '', ...list]
}

function statusFacts(daemon: DaemonStatus, nowMs: number): [string, string][] {
  const { listeners, vault, config } = daemon
  const pairs: [string, string][] = [
    ['daemon', `${daemon.version}, process ${daemon.pid}, started ${relative(daemon.started_at, nowMs)}`],
    ['redirect', listeners.redirect.join(', ') || 'none'],
    ['socket', listeners.socket ?? 'none'],
    ['tcp', listeners.tcp ?? 'off'],
    ...(listeners.tcp_error === null ? [] : [['', listeners.tcp_error] satisfies [string, string]]),
    ['vault', `${vault.kind} (${vault.engine}), ${vault.health}`],
  ]
  if (daemon.locked) pairs.push(['lock', 'catchd is locked: catchd unlock'])
  if (daemon.lock_error != null) pairs.push(['lock', daemon.lock_error])
  if (vault.unsaved.length > 0)
    pairs.push(['unsaved', `${vault.unsaved.join(', ')}: only in memory; catchd keeps trying to store them`])
  pairs.push(['config', config.path])
  if (!config.ok) pairs.push(['', `not in use: ${config.error ?? 'it is not valid'}`])
  if (daemon.logins_pending > 0) pairs.push(['logins', `${daemon.logins_pending} pending`])
  return pairs
}
