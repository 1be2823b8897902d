/** Automatic logins (`login=auto`): how many tabs machines open, and when they stop. */
import { expect, test } from 'vitest'
import type { PendingLogin } from '../../src/login/login.js'
import { TabBudget } from '../../src/login/tab-budget.js'
import { codeOf, codeResponse, REDIRECT_URI, startLogins } from '../support/logins.js'
import { settle } from '../support/manual-clock.js'

const MINUTE_MS = 60_000

/** Logins that a test ends; `opened` are their tabs. */
function start(pauseSeconds?: number) {
  const scene = startLogins(
    ...['gw', 'hub'].map((name) => ({
      name,
      ...(pauseSeconds === undefined ? {} : { login_pause_seconds: pauseSeconds }),
    })),
  )
  const { logins, answer, clock } = scene
  const end = async (id: string, how: 'succeeded' | 'failed' | 'cancelled' | 'expired') => {
    const login = logins.find(id) as PendingLogin
    if (how === 'succeeded') await answer(REDIRECT_URI, codeResponse(login))
    if (how === 'failed') await answer(REDIRECT_URI, `error=access_denied&state=${login.state.reveal()}`)
    if (how === 'cancelled') logins.cancel(id)
    if (how === 'expired') await clock.pass(600_000)
    await settle()
    expect(logins.find(id)?.status).toBe(how)
  }
  return { ...scene, end, join: (profile = 'gw') => logins.beginShared(profile) }
}

test('a thousand tools at once: one tab', async () => {
  const { join, opened } = start()
  const joined = await Promise.all(Array.from({ length: 1_000 }, () => join()))
  expect(new Set(joined.map(({ id }) => id)).size).toBe(1)
  expect(opened).toHaveLength(1)
})

test('a tool that asks each minute, all night: one tab', async () => {
  const { join, clock, opened } = start()
  const answers = new Map<string, number>()
  for (let minute = 0; minute < 12 * 60; minute++) {
    const answer = await codeOf(join())
    answers.set(answer, (answers.get(answer) ?? 0) + 1)
    await clock.pass(MINUTE_MS)
  }
  expect(opened).toHaveLength(1)
  expect(Object.fromEntries(answers)).toEqual({ resolved: 10, login_required: 710 })
})

test.each(['expired', 'failed', 'cancelled'] as const)(
  'after one that %s, a person opens the next',
  async (how) => {
    const { join, begin, opened, end } = start()
    await end((await join()).id, how)
    await expect(join()).rejects.toMatchObject({
      code: 'login_required',
      next: 'catchd login gw',
      detail: expect.stringContaining('was not finished, so tools open no other one') as string,
    })
    const own = await begin({ profile: 'gw', open: true })
    await end(own.id, 'succeeded')
    await join()
    expect(opened).toHaveLength(3)
  },
)

test('other profiles have a budget of their own', async () => {
  const { join, opened, end } = start()
  await end((await join()).id, 'expired')
  await join('hub')
  expect(opened).toHaveLength(2)
})

test('a tab that a person opened is joined; a login without a tab is not', async () => {
  const { join, begin, opened } = start()
  const without = await begin({ profile: 'gw', open: false })
  const joined = await join()
  expect(joined.id).not.toBe(without.id)
  const own = await begin({ profile: 'gw', open: true })
  expect((await join()).id).toBe(own.id)
  expect(opened).toHaveLength(2)
})

test('a restart opens no second tab while the first login still pends', async () => {
  const { join, restart, opened } = start()
  const { id } = await join()
  const { logins } = restart()
  await logins.restore()
  expect((await logins.beginShared('gw')).id).toBe(id)
  expect(opened).toHaveLength(1)
})

test('nor when the vault that holds it was locked at the start', async () => {
  const { join, restart, vault, opened } = start()
  const { id } = await join()
  const { logins } = restart()
  vault.trouble = 'vault_locked'
  await logins.restore()
  vault.trouble = null
  const joined = await Promise.all([logins.beginShared('gw'), logins.beginShared('gw')])
  expect(joined.map((login) => login.id)).toEqual([id, id])
  expect(opened).toHaveLength(1)
})

test('a tab of the last run that nobody answers is the last one, too', async () => {
  const { join, restart, clock, opened } = start()
  await join()
  const { logins } = restart()
  await logins.restore()
  await logins.beginShared('gw')
  await logins.beginShared('gw')
  await clock.pass(600_000)
  expect(await codeOf(logins.beginShared('gw'))).toBe('login_required')
  expect(opened).toHaveLength(1)
})

test('a login that a person is just beginning is joined', async () => {
  const { join, begin, opened } = start()
  const [own, joined] = await Promise.all([begin({ profile: 'gw', open: true }), join()])
  expect(joined.id).toBe(own.id)
  expect(opened).toHaveLength(1)
})

test('a tab that expires after a person logged in otherwise is no unanswered one', async () => {
  const { join, begin, opened, end } = start()
  const tab = await join()
  await end((await begin({ profile: 'gw', open: false })).id, 'succeeded')
  await end(tab.id, 'expired')
  expect(await codeOf(join())).toBe('resolved')
  expect(opened).toHaveLength(2)
})

test('a person who finishes a login late lets machines open tabs again', async () => {
  const { join, begin, opened, end } = start()
  const late = await begin({ profile: 'gw', open: false, timeoutSeconds: 3_600 })
  await end((await join()).id, 'expired')
  expect(await codeOf(join())).toBe('login_required')
  await end(late.id, 'succeeded')
  expect(await codeOf(join())).toBe('resolved')
  expect(opened).toHaveLength(2)
})

test('login_pause_seconds lets machines try again', async () => {
  const { join, clock, opened, end } = start(3_600)
  await end((await join()).id, 'expired')
  clock.jump(3_599_000)
  expect(await codeOf(join())).toBe('login_required')
  clock.jump(1_000)
  expect(await codeOf(join())).toBe('resolved')
  expect(opened).toHaveLength(2)
})

test('a clock that was set back does not prolong the pause', () => {
  const budget = new TabBudget()
  budget.opened('gw', 'tab-1')
  budget.ended('gw', 'tab-1', false, 100_000_000)
  expect(budget.judge('gw', 60, 1_000)).toEqual({ may: 'open' })
})
