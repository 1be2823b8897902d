/** Listens on a unix socket that only its user can open. Replaces a socket that a killed program left behind. */
import { once } from 'node:events'
import { chmod, lstat, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import { CatchdError } from '../failures.js'
import { listen } from '../http/http-listener.js'

/** The size of `sun_path` on macOS, the shortest of all systems. A longer path would be cut without an error. */
const LONGEST_PATH_BYTES = 103

/** @throws CatchdError `request_invalid` if the path is too long, `already_running` if it is in use */
export async function listenPrivately(server: Server, path: string): Promise<Server> {
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    throw new CatchdError('request_invalid', {
      detail: `The path of a socket must not be longer than ${LONGEST_PATH_BYTES} bytes: ${path}`,
      next: 'catchd help forward',
    })
  }
  if (await isLeftBehind(path)) await unlink(path)
  try {
    await listen(server, { path })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CatchdError('already_running', {
      detail: `Cannot listen on ${path}: it is in use, or access is denied (${code ?? 'unknown'}).`,
      next: 'catchd help forward',
    })
  }
  await chmod(path, 0o600)
  return server
}

/** Whether a socket exists on which no process listens. */
async function isLeftBehind(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isSocket()) return false
  const probe = connect(path)
  try {
    await once(probe, 'connect')
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  } finally {
    probe.destroy()
  }
}
