import { EventEmitter } from 'node:events'
import { type FSWatcher, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Clock } from '../../src/clock.js'
import { FileWatch, type WatchFolder } from '../../src/config/file-watch.js'
import { temporaryFolder, until } from './support.js'

/** Time stands still until a test moves it. */
class HeldClock implements Clock {
  readonly timers = new Set<{ delayMs: number; callback: () => void }>()

  now(): number {
    return 0
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { delayMs, callback }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  fire(): void {
    for (const timer of [...this.timers]) {
      this.timers.delete(timer)
      timer.callback()
    }
  }

  get delays(): number[] {
    return [...this.timers].map(({ delayMs }) => delayMs)
  }
}

class FakeWatcher extends EventEmitter {
  closed = false

  close(): void {
    this.closed = true
  }
}

async function start(watch: WatchFolder) {
  const clock = new HeldClock()
  const folder = await temporaryFolder()
  const looks = { count: 0 }
  const fileWatch = new FileWatch(
    join(folder, 'config.jsonc'),
    clock,
    () => {
      looks.count += 1
    },
    watch,
  )
  onTestFinished(() => fileWatch.close())
  await fileWatch.start()
  return { clock, folder, looks, fileWatch }
}

function fakeWatch(): { watch: WatchFolder; watchers: FakeWatcher[]; change: (name: string | null) => void } {
  const watchers: FakeWatcher[] = []
  const listeners: ((event: string, name: string | null) => void)[] = []
  const watch = ((
    _folder: string,
    _options: object,
    listener: (event: string, name: string | null) => void,
  ) => {
    const watcher = new FakeWatcher()
    watchers.push(watcher)
    listeners.push(listener)
    return watcher as unknown as FSWatcher
  }) as WatchFolder
  return { watch, watchers, change: (name) => listeners.at(-1)?.('change', name) }
}

test('several events of one save are one look', async () => {
  const { watch, change } = fakeWatch()
  const { clock, looks } = await start(watch)
  for (let event = 0; event < 10; event += 1) change('config.jsonc')
  expect(looks.count).toBe(0)
  expect(clock.delays.filter((delay) => delay < 1000)).toHaveLength(1)
})

test('other files in the folder are none of its business; an event without a name may be', async () => {
  const { watch, change } = fakeWatch()
  const { clock } = await start(watch)
  change('config.schema.json')
  expect(clock.delays).toEqual([30_000])
  change(null)
  expect(clock.delays).toEqual([30_000, 50])
})

test('where watching is impossible it looks every second, and watches once it can', async () => {
  const { watch, watchers } = fakeWatch()
  let allowed = false
  const { clock, looks } = await start(((...args: Parameters<WatchFolder>) => {
    if (!allowed) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    return watch(...args)
  }) as WatchFolder)
  expect(clock.delays).toEqual([1000])
  clock.fire()
  expect(looks.count).toBe(1)
  await until(() => clock.delays.length === 1)
  expect(clock.delays).toEqual([1000])
  allowed = true
  clock.fire()
  await until(() => clock.delays[0] === 30_000)
  expect(watchers).toHaveLength(1)
})

test('a watch that breaks is replaced by looking, and then by a new watch', async () => {
  const { watch, watchers } = fakeWatch()
  const { clock } = await start(watch)
  watchers[0]?.emit('error', new Error('gone'))
  expect(watchers[0]?.closed).toBe(true)
  expect(clock.delays).toEqual([1000])
  clock.fire()
  await until(() => clock.delays[0] === 30_000)
  expect(watchers).toHaveLength(2)
})

test('closed, it watches and waits for nothing', async () => {
  const { watch, watchers, change } = fakeWatch()
  const { clock, fileWatch } = await start(watch)
  change('config.jsonc')
  fileWatch.close()
  expect(clock.delays).toEqual([])
  expect(watchers.every(({ closed }) => closed)).toBe(true)
})

test('a real folder that appears later is watched', async () => {
  const clock = new HeldClock()
  const folder = join(await temporaryFolder(), 'later')
  let looks = 0
  const fileWatch = new FileWatch(join(folder, 'config.jsonc'), clock, () => {
    looks += 1
  })
  onTestFinished(() => fileWatch.close())
  await fileWatch.start()
  expect(clock.delays).toEqual([1000])
  mkdirSync(folder)
  clock.fire()
  await until(() => clock.delays[0] === 30_000)
  const before = looks
  writeFileSync(join(folder, 'config.jsonc'), '{}')
  await until(() => clock.delays.includes(50))
  clock.fire()
  expect(looks).toBeGreaterThan(before)
})
