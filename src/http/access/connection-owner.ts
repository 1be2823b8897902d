/**
 * Finds the user at the other end of a loopback connection. The dashboard's link is on the command line of the browser,
 * where other users of the machine can read it and use it first.
 *
 * Only Linux has this information, in /proc/net/tcp (proc(5)). An unknown user is not refused. Never throws.
 */
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'

/** The second table has connections of IPv6 sockets, with our address in its IPv4-mapped form. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/** Whether the connection belongs to another user. Root is allowed: it can read everything anyway, and runs tunnels. */
export async function isAnotherUsers({
  remotePort,
  localPort,
}: Pick<Socket, 'remotePort' | 'localPort'>): Promise<boolean> {
  const own = process.getuid?.()
  if (process.platform !== 'linux' || own === undefined) return false
  if (remotePort === undefined || localPort === undefined) return false
  const users = await Promise.all(TABLES.map((table) => usersOf(table, remotePort, localPort)))
  return users.flat().some((user) => user !== own && user !== 0)
}

/** Columns: sl, local_address (hex address:port), rem_address, …; the eighth is the user's id. */
async function usersOf(table: string, from: number, to: number): Promise<number[]> {
  const text = await readFile(table, 'utf8').catch(() => '')
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, remote]) => local?.endsWith(hexPort(from)) && remote?.endsWith(hexPort(to)))
    .map((columns) => Number(columns[7]))
    .filter(Number.isInteger)
}

function hexPort(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, '0')}`
}
