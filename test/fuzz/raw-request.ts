/** Requests as bytes, for servers that must stand whatever arrives. */
import { connect } from 'node:net'

/** A request that is not complete is answered by a deadline of the server; that is not waited for. */
const PATIENCE_MS = 300

/** @returns What was answered until the end, or until it looks like a stream of events. */
export function sendRaw(
  to: { readonly port: number } | { readonly path: string },
  bytes: Buffer,
): Promise<string> {
  return new Promise((resolve) => {
    let answered = ''
    const socket = connect('port' in to ? { ...to, host: '127.0.0.1' } : to)
    const end = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answered)
    }
    const timer = setTimeout(end, PATIENCE_MS)
    socket.on('data', (chunk) => {
      answered += chunk.toString('latin1')
      if (answered.includes('text/event-stream')) end()
    })
    socket.on('error', end)
    socket.on('close', end)
    socket.end(bytes)
  })
}

/** `none` without an answer, else the status. */
export function statusOf(answered: string): string {
  return /^HTTP\/1\.1 (\d{3})/.exec(answered)?.[1] ?? 'none'
}
