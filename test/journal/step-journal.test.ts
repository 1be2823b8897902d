import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { StepJournal } from '../../src/journal/step-journal.js'

let folder = ''
let file = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-journal-'))
  file = join(folder, 'steps.journal')
})
afterEach(() => rmSync(folder, { recursive: true }))

function opened(): StepJournal {
  const journal = new StepJournal(file)
  journal.open()
  return journal
}

test('the next run knows the steps that this one did not end', async () => {
  const journal = opened()
  await journal.begun('one', { profile: 'gw' })
  await journal.begun('two', { profile: 'hub' })
  journal.ended('one')
  journal.close()
  expect([...opened().interrupted]).toEqual([['two', { profile: 'hub' }]])
})

test('an interrupted step stays one until somebody ends it', async () => {
  await opened().begun('one', {})
  opened()
  const third = opened()
  expect([...third.interrupted.keys()]).toEqual(['one'])
  third.ended('one')
  expect(opened().interrupted.size).toBe(0)
})

test('a torn last line is no step, and what stands before it counts', async () => {
  await opened().begun('one', {})
  appendFileSync(file, '{"begun":"tw')
  expect([...opened().interrupted.keys()]).toEqual(['one'])
})

test('bytes that are no journal are no steps', () => {
  writeFileSync(file, '\u0000\u0000nonsense\n[]\n{}\n42\nnull\n')
  expect(opened().interrupted.size).toBe(0)
})

test('it does not grow: ended steps leave the file', async () => {
  const journal = opened()
  await journal.begun('stays', {})
  for (let count = 0; count < 3_000; count++) {
    await journal.begun(`step-${count}`, {})
    journal.ended(`step-${count}`)
  }
  expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThan(2_100)
  expect([...opened().interrupted.keys()]).toEqual(['stays'])
})

test('nobody else can read it', () => {
  opened()
  expect(statSync(file).mode & 0o777).toBe(0o600)
})
