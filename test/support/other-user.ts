/**
 * Runs commands as another user of this machine, to try what that user must not be able to do. It needs root, and the
 * user needs no account: a user id that nobody has is enough. Node drops the supplementary groups with it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

const OTHER_USER = { uid: 65_432, gid: 65_432 }

/** Why these tests cannot run here; `undefined` where they can. */
export const otherUserReason: string | undefined =
  process.platform !== 'win32' && process.getuid?.() === 0
    ? undefined
    : 'skipped: only root can run a command as another user'
if (otherUserReason !== undefined) console.warn(otherUserReason)

export interface OtherUserOptions {
  /** The whole environment; by default PATH alone. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** Resolves when the command has ended. @throws when it cannot be started */
export async function asOtherUser(
  command: string,
  args: readonly string[],
  { env, input = '' }: OtherUserOptions = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(command, args, {
    ...OTHER_USER,
    cwd: '/',
    env: env ?? pathAlone(),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  child.stdin.on('error', () => {}) // it may end without reading
  child.stdin.end(input)
  const [code, stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

/** A command that runs on; the test ends it. Its output is piped. */
export function spawnAsOtherUser(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, {
    ...OTHER_USER,
    cwd: '/',
    env: pathAlone(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function pathAlone(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '' }
}
