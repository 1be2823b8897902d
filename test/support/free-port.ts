/** Ports for programs that must be told one. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what systems give to port 0 and to outgoing connections, so that nobody takes it in between. */
const [FIRST, PER_WORKER, WORKERS] = [15_000, 2_000, 8]

/** Each test worker takes ports of its own range, so that none takes what another has just found to be free. */
const LOWEST = FIRST + (Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS) * PER_WORKER

/** Where this file of tests begins in the range. From there on no port is given twice. */
let next = randomInt(PER_WORKER)

/** A port that is free on 127.0.0.1. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + (next++ % PER_WORKER)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen({ host: '127.0.0.1', port })
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
