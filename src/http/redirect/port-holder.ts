/**
 * Finds the process that listens on a port. On Linux, /proc maps the port to an inode and, for processes of the same
 * user, the inode to a process. Other systems are not supported.
 *
 * Used only for error texts: it never throws, and it gives up after a short time.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { tcpSockets } from '../../listener/tcp-table.js'
import { printable } from '../../text/printable.js'

export interface PortHolder {
  readonly pid: number
  readonly command: string
}

/** On a machine with thousands of processes, the search must not delay the error message for long. */
const DEADLINE_MS = 2_000

/** @returns The process that listens on the port on any address; `undefined` if it cannot be found. */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  if (process.platform !== 'linux') return undefined
  const givenUp = delay(DEADLINE_MS, undefined, { ref: false })
  return Promise.race([search(port), givenUp]).catch(() => undefined)
}

async function search(port: number): Promise<PortHolder | undefined> {
  const listening = (await tcpSockets(port)).filter(
    (socket) => socket.isListening && socket.localPort === port,
  )
  const inodes = new Set(listening.map(({ inode }) => inode))
  if (inodes.size === 0) return undefined
  for (const entry of await readdir('/proc')) {
    if (/^\d+$/.test(entry) && (await holdsOneOf(`/proc/${entry}/fd`, inodes))) {
      return { pid: Number(entry), command: await commandOf(entry) }
    }
  }
  return undefined
}

async function holdsOneOf(folder: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const names = await readdir(folder).catch(() => [])
  const links = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')))
  return links.some((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''))
}

async function commandOf(pid: string): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  // A process can choose any name, and the name goes into an error text.
  return printable(name.trim()) || 'a process'
}
