/**
 * The TCP sockets of this machine and their users. Only Linux lists them, in /proc/net/tcp (proc(5)). Never throws.
 *
 * Both the daemon and the library ask who is at the other end of a loopback connection.
 */
import { promises as files, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/** `unknown`: the system does not say. Root is trusted: it can read everything anyway, and runs tunnels. */
export type OtherEnd = 'trusted' | 'another user' | 'unknown'

type Connection = Pick<Socket, 'localPort' | 'remotePort'>
type Row = Awaited<ReturnType<typeof tcpSockets>>[number]

/** The second table has the sockets of IPv6, also those with an IPv4-mapped address. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']
const LISTENING = '0A'
/** What a user namespace shows for a user that it does not know (user_namespaces(7)). */
const UNMAPPED_USER = 65_534
/** The map of the namespace that knows every user. */
const ALL_USERS = '0 0 4294967295'

/** @returns The sockets with this port at one of their ends. */
export async function tcpSockets(port: number) {
  const texts = TABLES.map(readTable)
  // A busy machine has thousands of lines.
  const withPort = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line.includes(withPort))
  const rows = lines.map((line) => line.trim().split(/\s+/))
  return rows.map(([, local = '', remote = '', state, , , , user, , inode = '']) => ({
    localAddress: addressOf(local),
    localPort: portOf(local),
    remoteAddress: addressOf(remote),
    remotePort: portOf(remote),
    isListening: state === LISTENING,
    user: Number(user),
    inode,
  }))
}

/**
 * For the side that accepted the connection: whose program opened it. If that program has already closed the
 * connection, the table does not name it. It then counts as another user, because a browser waits for its page.
 */
export async function ownerOfCaller(connection: Connection): Promise<OtherEnd> {
  const { localPort } = connection
  if (localPort === undefined) return process.platform === 'linux' ? 'another user' : 'unknown'
  const rows = await tcpSockets(localPort)
  if (!rows.some(({ isListening }) => isListening)) return 'unknown' // the system has no table
  const callers = rows.filter((row) => isOtherEnd(row, connection))
  const isOver = !rows.some((row) => isOwnEnd(row, connection)) || callers.some(hasNoProgram)
  return isOver ? 'another user' : ownerOf(callers)
}

/**
 * For the side that opened the connection, and before it sends anything: whose program accepts it. The listening sockets
 * count too, because an accepted connection has no user until the program takes it.
 */
export async function ownerOfListener(connection: Connection): Promise<OtherEnd> {
  const rows = await tcpSockets(connection.remotePort ?? 0)
  const own = rows.find((row) => isOwnEnd(row, connection))
  if (own === undefined) return 'unknown'
  const listening = rows.filter((row) => row.isListening && row.localPort === connection.remotePort)
  // The system prefers a socket of this address to one of all addresses. An IPv4-mapped address ends with the IPv4 one.
  const exact = listening.filter(({ localAddress }) => localAddress.endsWith(own.remoteAddress))
  const ofAll = listening.filter(({ localAddress }) => /^0+$/.test(localAddress))
  const listeners = exact.length > 0 ? exact : ofAll
  if (listeners.length === 0) return 'unknown' // the system passes the connection on
  const taken = rows.filter((row) => isOtherEnd(row, connection) && !hasNoProgram(row))
  return ownerOf([...listeners, ...taken])
}

/**
 * In one turn of the event loop: the system gives at most 4 KiB at a time, and every other user can fill the table. With
 * a turn for each part, a flood of connections would delay the answer to a browser by seconds.
 */
function readTable(table: string): string {
  try {
    return readFileSync(table, 'latin1')
  } catch {
    return ''
  }
}

function isOwnEnd({ localPort, remotePort }: Row, connection: Connection): boolean {
  return localPort === connection.localPort && remotePort === connection.remotePort
}

/** The socket has no program yet, or none any more. The table then shows root as its user. */
function hasNoProgram({ inode }: Row): boolean {
  return inode === '0'
}

function isOtherEnd({ localPort, remotePort }: Row, connection: Connection): boolean {
  return localPort === connection.remotePort && remotePort === connection.localPort
}

async function ownerOf(rows: readonly Row[]): Promise<OtherEnd> {
  const own = process.getuid?.()
  const others = rows.filter(({ user }) => user !== own && user !== 0)
  if (rows.length === 0 || own === undefined) return 'unknown'
  if (others.length === 0) return 'trusted'
  const isHidden = others.every(({ user }) => user === UNMAPPED_USER) && (await isInUserNamespace())
  return isHidden ? 'unknown' : 'another user'
}

/** A container without root, for example. */
async function isInUserNamespace(): Promise<boolean> {
  const map = await files.readFile('/proc/self/uid_map', 'utf8').catch(() => '')
  return map.trim().split(/\s+/).join(' ') !== ALL_USERS
}

/** @param pair - `0100007F:1F90`: address and port, hexadecimal. */
function addressOf(pair: string): string {
  return pair.slice(0, pair.lastIndexOf(':'))
}

function portOf(pair: string): number {
  return Number.parseInt(pair.slice(pair.lastIndexOf(':') + 1), 16)
}
