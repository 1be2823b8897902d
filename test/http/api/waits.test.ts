import { EventEmitter } from 'node:events'
import type { FastifyReply } from 'fastify'
import { expect, test } from 'vitest'
import { Waits } from '../../../src/http/api/waits.js'

/** A reply as far as waiting goes: something that closes. */
function reply() {
  const raw = new EventEmitter()
  return { raw, reply: { raw } as unknown as FastifyReply }
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('left')))

test('as many wait as may, and one more is refused until one leaves', async () => {
  const waits = new Waits(2)
  const [one, other, third] = [reply(), reply(), reply()]
  const first = waits.hold(one.reply, untilAborted)
  void waits.hold(other.reply, untilAborted)
  await expect(waits.hold(third.reply, untilAborted)).rejects.toMatchObject({ code: 'too_many_logins' })
  one.raw.emit('close')
  expect(await first).toBe('left')
  const last = waits.hold(third.reply, untilAborted)
  waits.end()
  expect(await last).toBe('left')
})

test('nothing is left behind, whether the wait ends well or not', async () => {
  const waits = new Waits(1)
  const { raw, reply: one } = reply()
  await waits.hold(one, async () => 'done')
  await expect(waits.hold(one, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(raw.listenerCount('close')).toBe(0)
  expect(await waits.hold(one, async () => 'room again')).toBe('room again')
})
