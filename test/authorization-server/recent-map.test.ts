import { expect, test } from 'vitest'
import { RecentMap } from '../../src/authorization-server/recent-map.js'

test('keeps the entries that were set last, and a new value makes an entry recent again', () => {
  const map = new RecentMap<number>(2)
  map.set('a', 1).set('b', 2).set('a', 3).set('c', 4)
  expect([...map]).toEqual([
    ['a', 3],
    ['c', 4],
  ])
})
