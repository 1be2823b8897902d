/** What is bounded for all, and how it is shared (SECURITY.md#everything-bounded). */
import { expect, test } from 'vitest'
import { givingWay, Shares } from '../src/shares.js'

function takeAll(shares: Shares, holder: string | null): number {
  for (let count = 0; ; count += 1) {
    if (!shares.hasRoom(holder)) return count
    shares.take(holder)
  }
}

test('a key gets a quarter, all keys three quarters, and the user the rest', () => {
  const shares = new Shares(100)
  expect(['a', 'b', 'c', 'd'].map((key) => takeAll(shares, key))).toEqual([25, 25, 25, 0])
  expect(takeAll(shares, null)).toBe(25)
})

test('the user alone gets everything, and then nobody gets more', () => {
  const shares = new Shares(100)
  expect([takeAll(shares, null), takeAll(shares, 'a')]).toEqual([100, 0])
})

test('what is given back can be taken again', () => {
  const shares = new Shares(4)
  const giveBack = shares.take('a')
  expect(shares.hasRoom('a')).toBe(false)
  giveBack()
  expect(shares.hasRoom('a')).toBe(true)
})

test('the oldest of the largest holder gives way', () => {
  const held = ['small 1', 'large 1', 'large 2', 'small 2', 'large 3']
  expect(givingWay(held, (each) => each.split(' ')[0] ?? null)).toBe('large 1')
  expect(givingWay([], () => null)).toBeUndefined()
})
