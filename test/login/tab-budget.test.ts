import { expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import type { PendingLogin, SettledLogin } from '../../src/login/login.js'
import { SharedLogins } from '../../src/login/shared-logins.js'
import { TabBudget } from '../../src/login/tab-budget.js'
import { ManualClock, settle } from '../support/manual-clock.js'

const MINUTE_MS = 60_000

/** Logins that a test ends, and the tabs that were opened for them. */
function start(pauseSeconds: number | null = null) {
  const clock = new ManualClock()
  const pending = new Map<string, { login: PendingLogin; end: (login: SettledLogin) => void }>()
  const settled = new Map<string, Promise<SettledLogin>>()
  const tabs: string[] = []
  let count = 0
  let isLocked = false
  const logins = {
    async begin({ profile, open }: { profile: string; open: boolean }) {
      await settle()
      count += 1
      const login = { id: `login-${count}`, profile, status: 'pending' } as PendingLogin
      if (open) tabs.push(login.id)
      settled.set(
        login.id,
        new Promise((end) => {
          pending.set(login.id, { login, end })
        }),
      )
      return login
    },
    find: (id: string) => pending.get(id)?.login,
    settled: (id: string) => settled.get(id),
    pendingOf: (profile: string) =>
      isLocked
        ? []
        : [...pending.values()].map(({ login }) => login).filter((login) => login.profile === profile),
    async restore() {
      await settle()
      isLocked = false
    },
  }
  const end = async (id: string, status: SettledLogin['status']) => {
    const entry = pending.get(id)
    pending.delete(id)
    entry?.end({ ...entry.login, status } as unknown as SettledLogin)
    await settle()
  }
  const make = () => new SharedLogins({ logins, clock, pauseSeconds: () => pauseSeconds })
  const restart = (isVaultLocked = false) => {
    isLocked = isVaultLocked
    return make()
  }
  return { clock, tabs, end, shared: make(), restart }
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'joined',
    (error: unknown) => (error instanceof CatchdError ? error.code : String(error)),
  )

test('a thousand tools at once: one tab', async () => {
  const { shared, tabs } = start()
  const logins = await Promise.all(Array.from({ length: 1_000 }, () => shared.join('gw')))
  expect(new Set(logins.map(({ id }) => id))).toEqual(new Set(['login-1']))
  expect(tabs).toHaveLength(1)
})

test('a tool that asks each minute, all night: one tab', async () => {
  const { shared, clock, tabs, end } = start()
  const answers = new Map<string, number>()
  for (let minute = 0; minute < 12 * 60; minute++) {
    const answer = await codeOf(shared.join('gw'))
    answers.set(answer, (answers.get(answer) ?? 0) + 1)
    if (minute === 10) await end('login-1', 'expired')
    clock.jump(MINUTE_MS)
  }
  expect(tabs).toEqual(['login-1'])
  expect(Object.fromEntries(answers)).toEqual({ joined: 11, login_required: 709 })
})

test.each(['expired', 'failed', 'cancelled'] as const)(
  'after one that %s, a person opens the next',
  async (status) => {
    const { shared, tabs, end } = start()
    await shared.join('gw')
    await end('login-1', status)
    await expect(shared.join('gw')).rejects.toMatchObject({
      code: 'login_required',
      next: 'catchd login gw',
      detail: expect.stringContaining('Nobody answered') as string,
    })
    await shared.begin({ profile: 'gw', open: true })
    await end('login-2', 'succeeded')
    await shared.join('gw')
    expect(tabs).toEqual(['login-1', 'login-2', 'login-3'])
  },
)

test('other profiles have a budget of their own', async () => {
  const { shared, tabs, end } = start()
  await shared.join('gw')
  await end('login-1', 'expired')
  await shared.join('hub')
  expect(tabs).toHaveLength(2)
})

test('a tab that a person opened is joined; a login without a tab is not', async () => {
  const { shared, tabs } = start()
  await shared.begin({ profile: 'gw', open: false })
  expect((await shared.join('gw')).id).toBe('login-2')
  const own = await shared.begin({ profile: 'gw', open: true })
  expect((await shared.join('gw')).id).toBe(own.id)
  expect(tabs).toEqual(['login-2', 'login-3'])
})

test('a restart opens no second tab while the first login still pends', async () => {
  const { shared, restart, tabs } = start()
  await shared.join('gw')
  expect((await restart().join('gw')).id).toBe('login-1')
  expect(tabs).toHaveLength(1)
})

test('nor when the vault that holds it was locked at the start', async () => {
  const { shared, restart, tabs } = start()
  await shared.join('gw')
  const next = restart(true)
  const joined = await Promise.all([next.join('gw'), next.join('gw')])
  expect(joined.map(({ id }) => id)).toEqual(['login-1', 'login-1'])
  expect(tabs).toHaveLength(1)
})

test('a tab of the last run that nobody answers is the last one, too', async () => {
  const { shared, restart, tabs, end } = start()
  await shared.join('gw')
  const next = restart()
  await next.join('gw')
  await next.join('gw')
  await end('login-1', 'expired')
  expect(await codeOf(next.join('gw'))).toBe('login_required')
  expect(tabs).toHaveLength(1)
})

test('a login that a person is just beginning is joined', async () => {
  const { shared, tabs } = start()
  const [own, joined] = await Promise.all([shared.begin({ profile: 'gw', open: true }), shared.join('gw')])
  expect(joined.id).toBe(own.id)
  expect(tabs).toEqual([own.id])
})

test('a tab that expires after a person logged in otherwise is no unanswered one', async () => {
  const { shared, tabs, end } = start()
  await shared.join('gw')
  await shared.begin({ profile: 'gw', open: false })
  await end('login-2', 'succeeded')
  await end('login-1', 'expired')
  expect(await codeOf(shared.join('gw'))).toBe('joined')
  expect(tabs).toEqual(['login-1', 'login-3'])
})

test('a person who finishes a login late lets machines open tabs again', async () => {
  const { shared, tabs, end } = start()
  await shared.begin({ profile: 'gw', open: false })
  await shared.join('gw')
  await end('login-2', 'expired')
  expect(await codeOf(shared.join('gw'))).toBe('login_required')
  await end('login-1', 'succeeded')
  expect(await codeOf(shared.join('gw'))).toBe('joined')
  expect(tabs).toEqual(['login-2', 'login-3'])
})

test('login_pause_seconds lets machines try again', async () => {
  const { shared, clock, tabs, end } = start(3_600)
  await shared.join('gw')
  await end('login-1', 'expired')
  clock.jump(3_599_000)
  expect(await codeOf(shared.join('gw'))).toBe('login_required')
  clock.jump(1_000)
  expect(await codeOf(shared.join('gw'))).toBe('joined')
  expect(tabs).toHaveLength(2)
})

test('a clock that was set back does not prolong the pause', () => {
  const budget = new TabBudget()
  budget.opened('gw', 'tab-1')
  budget.ended('gw', 'tab-1', false, 100_000_000)
  expect(budget.judge('gw', 60, 1_000)).toEqual({ may: 'open' })
})
