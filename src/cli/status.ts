/** `catchd status`: shows the daemon, the vault, the configuration, the listeners and the profiles on one screen. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from '@commander-js/extra-typings'
import type { DaemonStatus } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import { CatchdError, EXIT } from '../failures.js'
import { vaultName } from '../vault/vault-kinds.js'
import type { Context } from './context.js'
import { facts, printJson, printNote, printResult, relative, shown, styled } from './output.js'
import { profileTable } from './profile.js'
import { settingsNote } from './settings-note.js'
import { vaultReason } from './vault-reason.js'

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
      const status = await client.status()
      if (json) {
        // In the daemon's answer `profiles` is the number of profiles, so the list has another name.
        printJson({ ...status, profile_list: await client.profiles() })
      } else {
        const { lines, failure } = await screenOf(client, status)
        printResult(lines)
        if (failure !== undefined) process.exitCode = failure.exitCode
      }
      const note = await settingsNote(context, { status })
      if (note !== undefined) printNote(styled('yellow', note))
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
      const screen = await watchedScreen(watchingClient).catch((error: unknown) => {
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

async function watchedScreen(client: CatchdClient): Promise<string[]> {
  const { lines } = await screenOf(client, await client.status())
  return lines
}

/** @returns Its lines, and why the profiles are missing: without the vault their state is not known. */
async function screenOf(
  client: CatchdClient,
  daemon: DaemonStatus,
): Promise<{ lines: string[]; failure?: CatchdError }> {
  const nowMs = Date.now()
  const above = [...facts(statusFacts(daemon, nowMs)), '']
  try {
    const profiles = await client.profiles()
    const none = daemon.config.ok ? 'No profiles yet: catchd init' : 'No profiles: catchd profile edit'
    return { lines: [...above, ...(profiles.length === 0 ? [none] : profileTable(profiles, nowMs))] }
  } catch (error) {
    if (!(error instanceof CatchdError) || error.exitCode !== EXIT.vault) throw error
    return { lines: [...above, 'Profiles cannot be shown until the vault works.'], failure: error }
  }
}

function statusFacts(daemon: DaemonStatus, nowMs: number): [string, string][] {
  const { listeners, vault, config } = daemon
  const pairs: [string, string][] = [
    ['daemon', `${daemon.version}, process ${daemon.pid}, started ${relative(daemon.started_at, nowMs)}`],
    ['redirect', listeners.redirect.join(', ') || 'none'],
    ['socket', listeners.socket ?? 'none'],
    ['tcp', listeners.tcp ?? 'off'],
    ...(listeners.tcp_error === null ? [] : [['', listeners.tcp_error] satisfies [string, string]]),
    ['vault', `${vaultName(vault)}, ${vault.health}`],
    ...vaultReason(daemon),
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
