/** The TCP sockets of this machine. Only Linux lists them, in /proc/net/tcp (proc(5)). Never throws. */
import { readFile } from 'node:fs/promises'

/** The second table has the sockets of IPv6, also those with an IPv4-mapped address. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']
const LISTENING = '0A'

export async function tcpSockets() {
  const texts = await Promise.all(TABLES.map((table) => readFile(table, 'utf8').catch(() => '')))
  const rows = texts.flatMap((text) => text.split('\n')).map((line) => line.trim().split(/\s+/))
  return rows.map(([, local = '', remote = '', state, , , , user, , inode = '']) => ({
    localPort: portOf(local),
    remotePort: portOf(remote),
    isListening: state === LISTENING,
    user: Number(user),
    inode,
  }))
}

/** @param address - `0100007F:1F90`: address and port, hexadecimal. */
function portOf(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16)
}
