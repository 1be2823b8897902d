/**
 * The folders of catchd, which no other user can read or change.
 *
 * Linux follows the XDG Base Directory Specification, macOS and Windows use their usual folders (env-paths), and
 * CATCHD_HOME puts everything into one folder. Files inside these folders belong to the modules that write them.
 */
import { createHash } from 'node:crypto'
import { access, chmod, constants, lstat, mkdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import envPaths from 'env-paths'
import { CatchdError } from '../failures.js'
import { systemCode } from '../files/whole-files.js'
import { findForeignAncestor, findSocketPath, type UserSystem } from '../listener/socket-path.js'
import { shellWord } from '../text/shell-word.js'
import { unsetCommand } from '../text/without-variables.js'
import type { Environment } from './environment.js'

export interface Folders {
  readonly configFolder: string
  readonly configFile: string
  /** Vault index, sealed file vault, `admin.key`, client keys, log. */
  readonly stateFolder: string
  readonly runtimeFolder: string
  /** Unix socket, or named pipe on Windows. */
  readonly socketPath: string
  /** Keychain items belong to one home. */
  readonly keychainService: string
}

/**
 * Touches no file.
 *
 * @throws CatchdError `config_invalid` when the socket's path is too long for the system.
 */
export function resolveFolders(
  environment: Pick<Environment, 'home'>,
  system: UserSystem = { platform: process.platform, homeFolder: homedir(), env: process.env },
): Folders {
  const { platform } = system
  const home = environment.home === undefined ? undefined : resolve(environment.home)
  const socketPath = findSocketPath({ ...system, env: { ...system.env, CATCHD_HOME: home } })
  const { configFolder, stateFolder, runtimeFolder } =
    home === undefined
      ? platformFolders(system, socketPath)
      : { configFolder: home, stateFolder: join(home, 'state'), runtimeFolder: join(home, 'run') }
  refuseLongSocketPath(socketPath, platform, home)
  return {
    configFolder,
    configFile: join(configFolder, 'config.jsonc'),
    stateFolder,
    runtimeFolder,
    socketPath,
    // 64 bits are enough to keep the homes of one user apart.
    keychainService:
      home === undefined
        ? 'catchd'
        : `catchd:${createHash('sha256').update(home).digest('hex').slice(0, 16)}`,
  }
}

function platformFolders(system: UserSystem, socketPath: string) {
  if (system.platform === 'darwin' || system.platform === 'win32') {
    const { config, data } = envPaths('catchd', { suffix: '' })
    return { configFolder: config, stateFolder: data, runtimeFolder: data }
  }
  return {
    configFolder: join(xdg(system, 'XDG_CONFIG_HOME', '.config'), 'catchd'),
    stateFolder: join(xdg(system, 'XDG_STATE_HOME', '.local/state'), 'catchd'),
    runtimeFolder: dirname(socketPath),
  }
}

/** The specification says to ignore a relative path. */
function xdg(system: UserSystem, name: string, otherwise: string): string {
  const value = system.env[name] ?? ''
  return isAbsolute(value) ? value : join(system.homeFolder, otherwise)
}

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, a closing NUL among them; libuv cuts off the rest silently. */
function refuseLongSocketPath(path: string, platform: NodeJS.Platform, home: string | undefined): void {
  if (platform === 'win32') return
  const most = platform === 'linux' ? 107 : 103
  const length = Buffer.byteLength(path)
  if (length <= most) return
  const variable = home === undefined ? 'XDG_RUNTIME_DIR' : 'CATCHD_HOME'
  throw new CatchdError('config_invalid', {
    detail: `The socket path ${path} has ${length} bytes, but the system allows only ${most}. Set ${variable} to a shorter folder.`,
    next: unsetCommand([variable]),
  })
}

/**
 * Makes the folder, and missing ones above it, with mode 0700 whatever the umask. If others can only read the folder,
 * its mode is tightened. Idempotent.
 *
 * @throws CatchdError `config_invalid` when others own the folder or can write to it, naming the fix; also when
 *   it is no folder or cannot be made.
 */
export async function ensureFolder(path: string): Promise<void> {
  try {
    await makeFolders(resolve(path))
    await keepOthersOut(path)
  } catch (error) {
    if (error instanceof CatchdError) throw error
    throw unsafe(`The folder ${path} cannot be used (${systemCode(error)}).`)
  }
}

/**
 * The daemon checks its folders at the start, so that it does not fail only at the first write.
 *
 * @throws CatchdError `config_invalid` when the folder's owner, or anybody on this file system, may not write to it.
 */
export async function requireWritable(path: string): Promise<void> {
  const isPosix = process.getuid !== undefined
  if (isPosix && ((await stat(path)).mode & 0o300) !== 0o300)
    throw unsafe(`Nothing can be written to the folder ${path}. Run: chmod 700 ${shellWord(path)}`)
  await access(path, constants.W_OK).catch((error) => {
    throw unsafe(`Nothing can be written to the folder ${path} (${systemCode(error)}).`)
  })
}

async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    // Two processes may start at once. The owner of the folder is checked afterwards.
    if (systemCode(error) === 'EEXIST') return
    if (systemCode(error) !== 'ENOENT' || path === dirname(path)) throw error
    await makeFolders(dirname(path))
    await mkdir(path, { mode: 0o700 })
  }
  await chmod(path, 0o700)
}

async function keepOthersOut(path: string): Promise<void> {
  const link = await lstat(path)
  const folder = await stat(path)
  if (!folder.isDirectory()) throw unsafe(`${path} is not a folder. Move it away.`)
  const user = process.getuid?.()
  // Windows keeps the user's own folders private by their access control lists.
  if (user === undefined) return
  if (link.isSymbolicLink() && link.uid !== user)
    throw unsafe(`The symbolic link ${path} belongs to another user. Remove it.`)
  if (folder.uid !== user)
    throw unsafe(`The folder ${path} belongs to another user. Use a folder of your own.`)
  if ((folder.mode & 0o022) !== 0) {
    throw unsafe(
      `Other users can write to the folder ${path}. Check its content, then run: chmod 700 ${shellWord(path)}`,
    )
  }
  const above = findForeignAncestor(path)
  if (above?.kind === 'folder') {
    throw unsafe(
      `The folder ${path} is in ${above.path}, which belongs to another user. Use a folder of your own.`,
    )
  }
  if (above !== undefined) {
    throw unsafe(
      `The folder ${path} is in ${above.path}, which other users can write to. Run: chmod o-w ${shellWord(above.path)}`,
    )
  }
  if ((folder.mode & 0o077) !== 0) await chmod(path, 0o700)
}

function unsafe(detail: string): CatchdError {
  return new CatchdError('config_invalid', { detail, next: 'catchd doctor' })
}
