/**
 * Why the vault does not work, or why tokens are in the sealed file although nobody chose it: in the words of the daemon.
 * `status` and `vault status` always show it. `init` and `login` say the second once.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DaemonStatus } from '../client/api-types.js'
import { replaceFile } from '../files/whole-files.js'
import type { Context } from './context.js'
import { printNote } from './output.js'

/** Rows of a list of facts. */
export function vaultReason({ vault, locked }: DaemonStatus, name = ''): [string, string][] {
  // A daemon of an older version sends no reason. While catchd is locked, another row says so.
  if (locked || vault.reason == null) return []
  return [
    [name, vault.reason],
    ...(vault.next === null ? [] : [['', `→ ${vault.next}`] satisfies [string, string]]),
  ]
}

/**
 * Says once that no keychain is used, and again when the reason is another one. A script that logs in every day is not told
 * every day.
 */
export async function noteFallback({ client, environment, folders }: Context): Promise<void> {
  if (environment.url !== undefined) return // that daemon keeps its files on another machine
  // The note is not worth a failure of the command.
  const { vault } = (await client.status().catch(() => undefined)) ?? {}
  if (vault === undefined || vault.health !== 'ok' || vault.reason == null) return
  const file = join(folders.stateFolder, 'vault-note')
  if ((await readFile(file, 'utf8').catch(() => '')) === vault.reason) return
  // A terminal breaks a long line within a word.
  const lines = process.stderr.isTTY ? vault.reason.split(/(?<=\.) /) : [vault.reason]
  printNote([...lines, `  → ${vault.next}`])
  // If it cannot be stored, it is said again.
  await replaceFile(file, vault.reason).catch(() => {})
}
