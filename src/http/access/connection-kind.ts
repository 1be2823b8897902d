/**
 * The listener of a connection: the unix socket, which only its user can open, or TCP, where every request needs a key.
 *
 * A connection without a mark counts as TCP, which has the stricter rules.
 */
import type { Socket } from 'node:net'

export type ConnectionKind = 'socket' | 'tcp'

const kinds = new WeakMap<Socket, ConnectionKind>()

/** Call this for each accepted connection, before its first request. */
export function markConnection(socket: Socket, kind: ConnectionKind): void {
  kinds.set(socket, kind)
}

export function kindOfConnection(socket: Socket): ConnectionKind {
  return kinds.get(socket) ?? 'tcp'
}
