/**
 * Forbids core dumps of processes that hold tokens (SECURITY.md#no-core-dump). Node.js cannot set its own limits, so a
 * shell sets them before a process starts, or `prlimit` (util-linux) while it runs. Processes that it starts inherit the
 * limit.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

const SHELL = '/bin/sh'

type Command = readonly [program: string, ...args: string[]]

/** @returns The same command, started without core dumps where the system has limits and a shell. */
export function withoutCoreDumps(command: Command): Command {
  if (process.platform === 'win32' || !existsSync(SHELL)) return command
  return [SHELL, '-c', 'ulimit -c 0; exec "$@"', 'sh', ...command]
}

/**
 * For a process that the user started in a terminal. Resolves when the limit is set. Never rejects: without `prlimit`
 * (macOS, Windows, some containers) the limit of the terminal stays.
 */
export async function forbidCoreDumps(): Promise<void> {
  if (process.platform !== 'linux' || (await hasLimit())) return
  const words = ['--core=0:0', '--pid', String(process.pid)]
  await new Promise<void>((resolve) => {
    execFile('prlimit', words, () => resolve())
  })
}

/** A service manager or {@link withoutCoreDumps} has set it (proc_pid_limits(5)). */
async function hasLimit(): Promise<boolean> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  return /^Max core file size +0 +0 /m.test(limits)
}
