/**
 * Runs commands as another user of this machine, to try what that user must not be able to do. It needs root, and the
 * user needs no account: a user id that nobody has is enough. Node drops the supplementary groups with it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
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
  const child = start(command, args, { env, stdin: 'pipe' })
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  child.stdin?.on('error', () => {}) // it may end without reading
  child.stdin?.end(input)
  const [code, stdout, stderr] = await Promise.all([
    closed,
    ...[child.stdout, child.stderr].map((output) => (output === null ? '' : text(output))),
  ])
  return { code, stdout: stdout ?? '', stderr: stderr ?? '' }
}

/** A command that runs on; the test ends it. Its output is piped. */
export function spawnAsOtherUser(command: string, args: readonly string[]): ChildProcess {
  return start(command, args, { stdin: 'ignore' })
}

/** @param stdin - Standard output and standard error are piped always. */
function start(
  command: string,
  args: readonly string[],
  { env, stdin }: { env?: OtherUserOptions['env'] | undefined; stdin: 'pipe' | 'ignore' },
): ChildProcess {
  // The Node that runs the tests may stand below a folder of one user, such as /root: on Linux it is handed over open.
  const isOwnNode = command === process.execPath && process.platform === 'linux'
  const node = isOwnNode ? openSync(command, 'r') : undefined
  const child = spawn(node === undefined ? command : '/proc/self/fd/3', args, {
    ...OTHER_USER,
    cwd: '/',
    env: env ?? { PATH: process.env['PATH'] ?? '' },
    stdio: [stdin, 'pipe', 'pipe', ...(node === undefined ? [] : [node])],
  })
  if (node !== undefined) closeSync(node)
  return child
}
