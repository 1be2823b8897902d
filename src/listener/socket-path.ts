/**
 * Where the daemon's API socket is, and whether it is this user's. The other folders are in src/config/folders.ts.
 *
 * Loads nothing but node:fs, node:os and node:path, so that the library and `catchd token` start in a few milliseconds.
 */
import { lstatSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'

export interface UserSystem {
  readonly platform: NodeJS.Platform
  readonly homeFolder: string
  readonly env: NodeJS.ProcessEnv
}

const PIPES = '\\\\.\\pipe\\'

/** Path of the unix socket, or name of the pipe on Windows. Touches no file. */
export function findSocketPath(system: UserSystem = thisSystem()): string {
  const { platform, homeFolder, env } = system
  const home = env['CATCHD_HOME'] ? resolve(env['CATCHD_HOME']) : undefined
  if (platform === 'win32') {
    // Loading node:crypto takes longer than asking for a token, and only Windows needs it.
    const hash = process
      .getBuiltinModule('node:crypto')
      .createHash('sha256')
      .update(`${homeFolder}\n${home ?? ''}`)
      .digest('hex')
    return `${PIPES}catchd-${hash.slice(0, 16)}`
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

/** A pipe of Windows. Any user can make one with this name, and Node.js cannot read its owner. */
export function isPipe(socketPath: string): boolean {
  return socketPath.startsWith(PIPES)
}

/** The file of the admin key on Windows, or in the folder `CATCHD_HOME`. */
export function findAdminKeyPath({ homeFolder, env }: UserSystem = thisSystem()): string {
  const home = env['CATCHD_HOME']
  if (home) return join(resolve(home), 'state', 'admin.key')
  return join(env['LOCALAPPDATA'] || join(homeFolder, 'AppData', 'Local'), 'catchd', 'Data', 'admin.key')
}

/** The admin key of the daemon with the pipe {@link findSocketPath}. @returns `undefined` if there is none */
export function readAdminKey(): string | undefined {
  try {
    return readFileSync(findAdminKeyPath(), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

/** Something of another user where this user's socket should be. */
export interface ForeignPart {
  readonly path: string
  readonly kind: 'folder' | 'writable folder' | 'folder above' | 'socket'
}

/**
 * Another user can make a socket in a shared folder, but not one that belongs to this user. A socket that the user linked
 * to another folder counts as the user's own. Root is trusted.
 *
 * @returns `undefined` if everything is this user's, is not there, or is a pipe.
 */
export function findForeignPart(socketPath: string): ForeignPart | undefined {
  const own = process.getuid?.()
  if (own === undefined || isPipe(socketPath)) return undefined
  const isForeign = (...found: (Stats | undefined)[]) =>
    found.some((stats) => stats !== undefined && stats.uid !== own && stats.uid !== 0)
  const path = dirname(socketPath)
  const folder = statsOf(path, statSync)
  if (isForeign(folder, statsOf(path, lstatSync))) return { path, kind: 'folder' }
  if (folder !== undefined && isWritableByOthers(folder)) return { path, kind: 'writable folder' }
  const above = findForeignAncestor(path)
  if (above !== undefined) return above
  const socket = statsOf(socketPath, lstatSync)
  const target = socket?.isSymbolicLink() ? statsOf(socketPath, statSync) : undefined
  return isForeign(socket, target) ? { path: socketPath, kind: 'socket' } : undefined
}

/**
 * The folders above. Another user who can write to one of them can replace everything below it between a check and a
 * use. The user's home is what the system says, so it and what is above it are not looked at. A folder that a group can
 * write to counts as the user's own, because many systems give each user a group.
 */
export function findForeignAncestor(path: string, home: string = homedir()): ForeignPart | undefined {
  const own = process.getuid?.()
  if (own === undefined) return undefined
  for (const start of new Set([resolve(path), realPathOf(path)])) {
    for (let below = start, above = dirname(below); above !== below; below = above, above = dirname(below)) {
      if (above === home) break
      const found = statsOf(above, lstatSync)
      if (found === undefined) continue
      if (![own, 0, UNMAPPED_USER].includes(found.uid)) return { path: above, kind: 'folder' }
      const isLink = found.isSymbolicLink()
      if (!isLink && (found.mode & 0o1002) === 0o002) return { path: above, kind: 'folder above' }
    }
  }
  return undefined
}

/** What a user namespace shows for every user that it does not know, also for the real root (user_namespaces(7)). */
const UNMAPPED_USER = 65_534

/** Without links, if it is there. */
function realPathOf(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return resolve(path)
  }
}

/** In a folder with the sticky bit, such as /tmp, nobody can replace what belongs to another user. */
function isWritableByOthers({ mode }: Stats): boolean {
  return (mode & 0o022) !== 0 && (mode & 0o1000) === 0
}

/** `undefined` if it is not there or cannot be reached. The connection fails too then. */
function statsOf(path: string, read: typeof statSync | typeof lstatSync): Stats | undefined {
  try {
    return read(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function thisSystem(): UserSystem {
  return { platform: process.platform, homeFolder: homedir(), env: process.env }
}
