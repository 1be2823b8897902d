/**
 * Which listener a connection came in through: the unix socket, which only its user can open, or TCP, where every
 * request needs a key.
 *
 * A connection that nobody marked counts as TCP, the stricter one.
 */
import type { Socket } from 'node:net'

export type ConnectionKind = 'socket' | 'tcp'

const kinds = new WeakMap<Socket, ConnectionKind>()

/** To be called with each accepted connection, before its first request. */
export function markConnection(socket: Socket, kind: ConnectionKind): void {
  kinds.set(socket, kind)
}

export function kindOfConnection(socket: Socket): ConnectionKind {
  return kinds.get(socket) ?? 'tcp'
}
