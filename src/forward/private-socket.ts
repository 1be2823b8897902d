/** A unix socket that only its user can open, also where a program that was killed left one behind. */
import { once } from 'node:events'
import { chmod, lstat, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import { CatchdError } from '../failures.js'

/** Of `sun_path` on macOS, which has the shortest; what is longer would be cut without a word. */
const LONGEST_PATH_BYTES = 103

/** @throws CatchdError `request_invalid` for a path that is too long, `already_running` for one that is taken */
export async function listenPrivately(server: Server, path: string): Promise<Server> {
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    throw new CatchdError('request_invalid', {
      detail: `The path of a socket may have ${LONGEST_PATH_BYTES} bytes: ${path}`,
      next: 'catchd help forward',
    })
  }
  if (await isLeftBehind(path)) await unlink(path)
  const umask = process.umask(0o177)
  try {
    const listening = once(server, 'listening')
    server.listen(path)
    await listening
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CatchdError('already_running', {
      detail: `${path} is taken, or may not be bound (${code ?? 'unknown'}).`,
      next: 'catchd help forward',
    })
  } finally {
    process.umask(umask)
  }
  await chmod(path, 0o600)
  return server
}

/** A socket at which nobody listens. */
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
