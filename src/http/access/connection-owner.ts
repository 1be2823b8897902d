/**
 * Finds the user at the other end of a loopback connection. The dashboard's link is on the command line of the browser,
 * where other users of the machine can read it and use it first.
 *
 * Only Linux has this information (tcp-table.ts). An unknown user is not refused. Never throws.
 */
import type { Socket } from 'node:net'
import { tcpSockets } from '../tcp-table.js'

/** Whether the connection belongs to another user. Root is allowed: it can read everything anyway, and runs tunnels. */
export async function isAnotherUsers(connection: Pick<Socket, 'remotePort' | 'localPort'>): Promise<boolean> {
  const own = process.getuid?.()
  if (process.platform !== 'linux' || own === undefined) return false
  const { remotePort, localPort } = connection
  const otherEnds = (await tcpSockets()).filter(
    (socket) => socket.localPort === remotePort && socket.remotePort === localPort,
  )
  return otherEnds.some(({ user }) => user !== own && user !== 0)
}
