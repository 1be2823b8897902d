/** What happened lately: bounded, newest first, and a failed refresh until it is made good. */
import { expect, test } from 'vitest'
import { RecentActivity } from '../../../src/http/api/recent-activity.js'
import { ManualClock } from '../../support/manual-clock.js'

function started() {
  const clock = new ManualClock(1_000)
  return { clock, activity: new RecentActivity(clock) }
}

test('the newest comes first, and of many the oldest are gone', () => {
  const { clock, activity } = started()
  for (let count = 1; count <= 100; count++) {
    clock.jump(1)
    activity.remember({ event: 'token.refreshed', profile: `p${count}` })
  }
  expect(activity.recent()).toHaveLength(60)
  expect(activity.recent()[0]).toEqual({ event: 'token.refreshed', profile: 'p100', atMs: 1_100 })
})

test.each(['token.refreshed', 'login.succeeded', 'token.forgotten'])('trouble is over with %s', (event) => {
  const { activity } = started()
  activity.remember({ event: 'token.refresh_failed', profile: 'gw', code: 'provider_unreachable' })
  activity.remember({ event, profile: 'corp' })
  expect(activity.refreshTrouble('gw')).toEqual({ code: 'provider_unreachable', atMs: 1_000 })
  activity.remember({ event, profile: 'gw' })
  expect(activity.refreshTrouble('gw')).toBeUndefined()
})

test('a login that ended badly is no failed refresh', () => {
  const { activity } = started()
  activity.remember({ event: 'login.ended', profile: 'gw', code: 'authorization_denied' })
  expect(activity.refreshTrouble('gw')).toBeUndefined()
})

test('troubles of a thousand profiles are kept', () => {
  const { activity } = started()
  for (let count = 0; count <= 1_000; count++) {
    activity.remember({ event: 'token.reauthorize', profile: `p${count}`, code: 'provider_refused' })
  }
  expect(activity.refreshTrouble('p0')).toBeUndefined()
  expect(activity.refreshTrouble('p1')).toBeDefined()
})
