import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { NoticeMemory } from '../../src/notices/notice-memory.js'
import type { NoticePlan } from '../../src/notices/notice-plan.js'

const plan: NoticePlan = {
  obtainedAtMs: 1,
  neededAtMs: 2,
  knownSinceMs: 3,
  toldBefore: true,
  toldWhen: false,
  usedAtMs: 4,
}

function open() {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-memory-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'notices.json')
  const troubles: string[] = []
  const memory = () => new NoticeMemory(file, (code) => troubles.push(code))
  return { folder, file, troubles, memory }
}

test('what was saved is there after a restart', async () => {
  const { memory, troubles } = open()
  const first = memory()
  await first.load()
  for (const name of ['gw', 'constructor', '0']) first.set(name, plan)
  first.set('gone', plan)
  first.set('gone', null)
  await first.save()
  const second = memory()
  await second.load()
  expect(new Map(second.all())).toEqual(new Map([...first.all()]))
  expect(second.get('gw')).toEqual(plan)
  expect(second.get('gone')).toBeNull()
  expect(troubles).toEqual([])
})

test('without a change nothing is written', async () => {
  const { memory, file } = open()
  const first = memory()
  await first.load()
  first.set('gw', null)
  await first.save()
  expect(existsSync(file)).toBe(false)
})

test('a folder that is gone is said, and what was to be kept is written once it is back', async () => {
  const { memory, folder, file, troubles } = open()
  const first = memory()
  rmSync(folder, { recursive: true })
  first.set('gw', plan)
  await first.save()
  expect(troubles).toEqual(['vault_unavailable'])
  mkdirSync(folder, { mode: 0o700 })
  await first.save()
  expect(existsSync(file)).toBe(true)
})

test.skipIf(process.platform === 'win32')('a file that others can read is not believed', async () => {
  const { memory, file, troubles } = open()
  const first = memory()
  first.set('gw', plan)
  await first.save()
  chmodSync(file, 0o644)
  const second = memory()
  await second.load()
  expect(second.get('gw')).toBeNull()
  expect(troubles).toEqual(['vault_unavailable'])
})

test.each(['', '{', '{"version":2,"profiles":{}}', '{"version":1,"profiles":{"gw":{}}}'])(
  'content that we did not write is set aside: %j',
  async (text) => {
    const { memory, folder, file, troubles } = open()
    writeFileSync(file, text, { mode: 0o600 })
    const first = memory()
    await first.load()
    expect([...first.all()]).toEqual([])
    expect(troubles).toEqual([])
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^notices\.json\.corrupt-/)])
  },
)
