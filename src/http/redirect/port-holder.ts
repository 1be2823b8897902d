/**
 * Finds the process that listens on a port. On Linux, /proc maps the port to an inode and, for processes of the same
 * user, the inode to a process. Other systems are not supported.
 *
 * Used only for error texts: it never throws, and it gives up after a short time.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'

export interface PortHolder {
  readonly pid: number
  /** Short name of its program. */
  readonly command: string
}

/** On a machine with thousands of processes, the search must not delay the error message for long. */
const DEADLINE_MS = 500
/** State of a listening socket in /proc/net/tcp. */
const LISTENING = '0A'

/** @returns The process that listens on the port on any address; `undefined` if it cannot be found. */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  if (process.platform !== 'linux') return undefined
  const givenUp = new Promise<undefined>((resolve) => {
    setTimeout(() => resolve(undefined), DEADLINE_MS).unref()
  })
  try {
    return await Promise.race([search(port), givenUp])
  } catch {
    return undefined
  }
}

async function search(port: number): Promise<PortHolder | undefined> {
  const inodes = new Set(
    (
      await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((table) => listeningInodes(table, port)))
    ).flat(),
  )
  if (inodes.size === 0) return undefined
  for (const entry of await readdir('/proc')) {
    if (/^\d+$/.test(entry) && (await holdsOneOf(`/proc/${entry}/fd`, inodes))) {
      return { pid: Number(entry), command: await commandOf(entry) }
    }
  }
  return undefined
}

/** Columns: sl, local_address (hex address:port), rem_address, st, …; the tenth is the inode (proc(5)). */
async function listeningInodes(table: string, port: number): Promise<string[]> {
  const text = await readFile(table, 'utf8').catch(() => '')
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(`:${hexPort}`) && columns[3] === LISTENING)
    .flatMap((columns) => columns[9] ?? [])
}

async function holdsOneOf(folder: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const names = await readdir(folder).catch(() => [])
  const links = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')))
  return links.some((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''))
}

async function commandOf(pid: string): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  // A process can choose any name, so control characters are removed before the name goes into an error text.
  return name.trim().replaceAll(/\p{C}/gu, '?') || 'a process'
}
