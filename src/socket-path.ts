/**
 * Where the daemon's API socket is. Loads nothing but node:os and node:path: the library and the hot path of
 * `catchd token` start in a few milliseconds because of it. The other folders are in src/config/folders.ts.
 */
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

export interface UserSystem {
  readonly platform: NodeJS.Platform
  readonly homeFolder: string
  readonly env: NodeJS.ProcessEnv
}

/** Path of the unix socket, or name of the pipe on Windows. Touches no file. */
export function findSocketPath(
  system: UserSystem = { platform: process.platform, homeFolder: homedir(), env: process.env },
): string {
  const { platform, homeFolder, env } = system
  const home = env['CATCHD_HOME'] ? resolve(env['CATCHD_HOME']) : undefined
  if (platform === 'win32') {
    // Loading node:crypto takes longer than asking for a token, and only Windows needs it.
    const hash = process
      .getBuiltinModule('node:crypto')
      .createHash('sha256')
      .update(`${homeFolder}\n${home ?? ''}`)
      .digest('hex')
    return `\\\\.\\pipe\\catchd-${hash.slice(0, 16)}`
  }
  if (home !== undefined) return join(home, 'run', 'catchd.sock')
  if (platform === 'darwin') {
    return join(homeFolder, 'Library', 'Application Support', 'catchd', 'catchd.sock')
  }
  const runtime = env['XDG_RUNTIME_DIR'] ?? ''
  if (isAbsolute(runtime)) return join(runtime, 'catchd', 'catchd.sock')
  const state = env['XDG_STATE_HOME'] ?? ''
  return join(isAbsolute(state) ? state : join(homeFolder, '.local/state'), 'catchd', 'catchd.sock')
}
