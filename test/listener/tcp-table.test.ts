/** Whose program is at the other end of a connection, on a machine with many connections. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ownerOfCaller, tcpSockets } from '../../src/listener/tcp-table.js'

/** How often the event loop turned while `work` ran. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let isOver = false
  const count = () => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  await work()
  isOver = true
  return turns
}

// Every user can open connections, and each turn of the loop serves those first (SECURITY.md#everything-bounded).
test('a thousand connections do not make the check take more turns of the event loop', async () => {
  const accepted: Socket[] = []
  const server = createServer((socket) => accepted.push(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const callers = Array.from({ length: 1_000 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  onTestFinished(() => {
    for (const socket of [...accepted, ...callers]) socket.destroy()
    server.close()
  })
  await Promise.all(callers.map((caller) => once(caller, 'connect')))
  await expect.poll(() => accepted.length).toBe(1_000)
  const [first] = accepted
  expect(await turnsOf(() => ownerOfCaller(first as Socket))).toBeLessThan(3)
  const rows = await tcpSockets(port)
  if (process.platform === 'linux') {
    expect(rows.length).toBeGreaterThan(2_000)
    expect(await ownerOfCaller(first as Socket)).toBe('trusted')
  }
})
