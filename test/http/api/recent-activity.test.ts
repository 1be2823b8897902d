/** What happened lately: bounded, newest first. */
import { expect, test } from 'vitest'
import { RecentActivity } from '../../../src/http/api/recent-activity.js'
import { ManualClock } from '../../support/manual-clock.js'

test('the newest comes first, and of many the oldest are gone', () => {
  const clock = new ManualClock(1_000)
  const activity = new RecentActivity(clock)
  for (let count = 1; count <= 100; count++) {
    clock.jump(1)
    activity.remember({ event: 'token.refreshed', profile: `p${count}` })
  }
  expect(activity.recent()).toHaveLength(60)
  expect(activity.recent()[0]).toEqual({ event: 'token.refreshed', profile: 'p100', atMs: 1_100 })
})

test('a token that a tool got pushes nothing out', () => {
  const activity = new RecentActivity(new ManualClock(1_000))
  activity.remember({ event: 'login.succeeded', profile: 'gw' })
  for (let count = 0; count < 100; count++) activity.remember({ event: 'token.served', profile: 'gw' })
  expect(activity.recent().map(({ event }) => event)).toEqual(['login.succeeded'])
})
