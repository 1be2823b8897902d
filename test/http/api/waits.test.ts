import { EventEmitter } from 'node:events'
import type { FastifyReply } from 'fastify'
import { expect, test } from 'vitest'
import { owner, type Principal } from '../../../src/http/access/principal.js'
import type { DaemonEvent } from '../../../src/http/api/services.js'
import { Waits } from '../../../src/http/api/waits.js'

/** A reply as far as waiting goes: something that closes, for a caller. */
function reply(principal: Principal = owner('socket')) {
  const raw = new EventEmitter()
  return { raw, reply: { raw, request: { getDecorator: () => principal } } as unknown as FastifyReply }
}

/** Waits whose keys are all good until one is removed. */
function waitsFor(most: number) {
  const removed = new Set<Principal>()
  const listeners = new Set<(event: DaemonEvent) => void>()
  const keys = { isStillGood: (principal: Principal) => !removed.has(principal) }
  const services = {
    subscribe: (listener: (event: DaemonEvent) => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const remove = (principal: Principal) => {
    removed.add(principal)
    for (const listener of listeners) listener({ event: 'client.removed', client: principal.name })
  }
  return { waits: new Waits({ keys, services }, most), remove, listeners }
}

const apiKey = (name: string): Principal => ({
  name,
  actions: new Set(['login'] as const),
  profiles: new Set(['gw']),
  hasApiKey: true,
})

const untilAborted = (signal: AbortSignal) =>
  new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('left')))

test('as many wait as may, and one more is refused until one leaves', async () => {
  const { waits } = waitsFor(2)
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
  const { waits, listeners } = waitsFor(1)
  const { raw, reply: one } = reply()
  await waits.hold(one, async () => 'done')
  await expect(waits.hold(one, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect([raw.listenerCount('close'), listeners.size]).toEqual([0, 0])
  expect(await waits.hold(one, async () => 'room again')).toBe('room again')
})

test('one key waits a quarter of the times, and the user still can', async () => {
  const { waits } = waitsFor(4)
  void waits.hold(reply(apiKey('ci')).reply, untilAborted)
  await expect(waits.hold(reply(apiKey('ci')).reply, untilAborted)).rejects.toMatchObject({
    code: 'too_many_logins',
  })
  void waits.hold(reply(apiKey('other')).reply, untilAborted)
  void waits.hold(reply().reply, untilAborted)
  expect(await waits.hold(reply().reply, async () => 'done')).toBe('done')
})

test('a wait ends when its key is removed, and no other one', async () => {
  const { waits, remove } = waitsFor(8)
  const [ci, other] = [apiKey('ci'), apiKey('other')]
  const first = waits.hold(reply(ci).reply, untilAborted)
  const { raw, reply: second } = reply(other)
  const stays = waits.hold(second, untilAborted)
  remove(ci)
  await expect(first).rejects.toMatchObject({ code: 'unauthorized' })
  raw.emit('close')
  expect(await stays).toBe('left')
})
