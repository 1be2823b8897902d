/** Links and sessions: for whom, how often, how long. */
import { describe, expect, test } from 'vitest'
import { DashboardSessions } from '../../../src/http/access/sessions.js'
import { ManualClock } from '../../support/manual-clock.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function opened() {
  const clock = new ManualClock()
  const sessions = new DashboardSessions(clock)
  const enter = () => sessions.enter(sessions.makeLink().token.reveal())?.reveal() ?? ''
  return { clock, sessions, enter }
}

test('a link and a session have 256 bits each, and differ', () => {
  const { sessions, enter } = opened()
  const secrets = [sessions.makeLink().token.reveal(), sessions.makeLink().token.reveal(), enter(), enter()]
  expect(new Set(secrets).size).toBe(4)
  for (const secret of secrets) expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
})

describe('a link', () => {
  test('is good for sixty seconds', async () => {
    const { clock, sessions } = opened()
    const [early, late] = [sessions.makeLink(), sessions.makeLink()]
    clock.jump(MINUTE - 1)
    expect(sessions.enter(early.token.reveal())).toBeDefined()
    clock.jump(1)
    expect(sessions.enter(late.token.reveal())).toBeUndefined()
  })

  test('opens once, and who comes second ends the session of the first', () => {
    const { sessions } = opened()
    const link = sessions.makeLink().token.reveal()
    const id = sessions.enter(link)?.reveal() ?? ''
    const session = sessions.find([id])
    expect(session).toBeDefined()
    expect(sessions.enter(link)).toBeUndefined()
    expect(sessions.find([id])).toBeUndefined()
    expect(session?.ended.aborted).toBe(true)
  })

  test('that is a minute old ends nothing any more', () => {
    const { clock, sessions } = opened()
    const link = sessions.makeLink().token.reveal()
    const id = sessions.enter(link)?.reveal() ?? ''
    clock.jump(MINUTE)
    expect(sessions.enter(link)).toBeUndefined()
    expect(sessions.find([id])).toBeDefined()
  })

  test.each(['', 'x', 'A'.repeat(43)])('%j was never made', (token) => {
    const { sessions } = opened()
    sessions.makeLink()
    expect(sessions.enter(token)).toBeUndefined()
  })

  test('is one of sixteen at most', () => {
    const { sessions } = opened()
    const links = Array.from({ length: 17 }, () => sessions.makeLink().token.reveal())
    expect(links.map((link) => sessions.enter(link) !== undefined)).toEqual([false, ...Array(16).fill(true)])
  })
})

describe('a session', () => {
  test('ends after an hour in which nothing was done', async () => {
    const { clock, sessions, enter } = opened()
    const id = enter()
    const session = sessions.find([id])
    await clock.pass(HOUR - 1)
    expect(sessions.find([id])).toBe(session)
    await clock.pass(1)
    expect(session?.ended.aborted).toBe(true)
    expect(sessions.find([id])).toBeUndefined()
  })

  test('that is used ends after eight hours', async () => {
    const { clock, sessions, enter } = opened()
    const id = enter()
    const session = sessions.find([id])
    for (let minutes = 0; minutes < 8 * 60 - 30; minutes += 30) {
      await clock.pass(30 * MINUTE)
      const found = sessions.find([id])
      expect(found).toBe(session)
      found?.used()
    }
    await clock.pass(30 * MINUTE)
    expect(session?.ended.aborted).toBe(true)
  })

  test('is over after a sleep, although no timer has fired', () => {
    const { clock, sessions, enter } = opened()
    const id = enter()
    clock.jump(HOUR)
    expect(sessions.find([id])).toBeUndefined()
  })

  test('is one of sixteen at most: the oldest gives way', () => {
    const { sessions, enter } = opened()
    const ids = Array.from({ length: 17 }, enter)
    expect(ids.map((id) => sessions.find([id]) !== undefined)).toEqual([false, ...Array(16).fill(true)])
  })

  test('gives its key until it was used once', () => {
    const { sessions, enter } = opened()
    const session = sessions.find([enter()])
    const key = session?.undeliveredKey?.reveal() ?? ''
    expect(session?.holds('A'.repeat(43))).toBe(false)
    expect(session?.holds(undefined)).toBe(false)
    expect(session?.undeliveredKey?.reveal()).toBe(key)
    expect(session?.holds(key)).toBe(true)
    expect(session?.undeliveredKey).toBeNull()
    expect(session?.holds(key)).toBe(true)
  })
})

test('nothing of a secret is kept where it can be printed', () => {
  const { sessions, enter } = opened()
  const secrets = [enter(), sessions.makeLink().token.reveal()]
  const printed = JSON.stringify(sessions) + String(sessions.makeLink().token)
  for (const secret of secrets) expect(printed).not.toContain(secret)
})
