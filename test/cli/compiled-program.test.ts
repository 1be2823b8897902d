import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { beforeEach, expect, onTestFinished, test } from 'vitest'

const DRIVER = `
  const [compiledProgram, file, build, keeps] = process.argv.slice(2)
  process.umask(0o077)
  const { exports: program, isNew, keep } = require(compiledProgram).runCompiled(file, build)
  const doubled = program.double(4)
  if (keeps) keep()
  program.basename('/a/b').then((name) => console.log(JSON.stringify([isNew, doubled, name, ...program.where])))`

const source = (factor: number) => `
  const { dirname } = require('node:path')
  exports.where = [__filename, __dirname, dirname(__filename)]
  exports.double = (n) => n * ${factor}
  exports.basename = async (path) => require('node:path').basename(path)`

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-compiled-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  file = join(folder, 'program.cjs')
  writeFileSync(file, source(2))
  writeFileSync(join(folder, 'driver.cjs'), DRIVER)
  buildSync({
    entryPoints: [join(import.meta.dirname, '../../src/fast-path/compiled-program.ts')],
    outfile: join(folder, 'compiled-program.cjs'),
    format: 'cjs',
  })
})

/** In a process of its own: one that ran the module before has it in memory. */
function run({ build = 'one', keeps = false } = {}) {
  const words = [join(folder, 'driver.cjs'), join(folder, 'compiled-program.cjs'), file, build]
  const stdout = execFileSync(process.execPath, [...words, ...(keeps ? ['keep'] : [])])
  const [isNew, doubled, name, ...where] = JSON.parse(stdout.toString())
  expect([name, ...where]).toEqual(['b', file, folder, folder])
  return { isNew, doubled }
}

const kept = () => readdirSync(folder).filter((name) => name.endsWith('.compiled'))

test('the module is what it is without being kept', () => {
  expect(run()).toEqual({ isNew: true, doubled: 8 })
  expect(kept()).toEqual([])
})

test('what was compiled is kept once, readable as the program is, and taken by the next run', () => {
  run({ keeps: true })
  const [name = ''] = kept()
  expect(name).toBe(`program-one-${process.version}-${process.arch}.compiled`)
  expect(statSync(join(folder, name)).mode & 0o777).toBe(0o644)
  const { mtimeMs } = statSync(join(folder, name))
  expect(run({ keeps: true })).toEqual({ isNew: false, doubled: 8 })
  expect(statSync(join(folder, name)).mtimeMs).toBe(mtimeMs)
})

test('another build of the same length is not run as the one before', () => {
  run({ keeps: true })
  writeFileSync(file, source(3))
  expect(run({ build: 'two' })).toEqual({ isNew: true, doubled: 12 })
})

test.each([
  ['empty', () => Buffer.alloc(0)],
  ['cut off', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
  ['damaged', (whole: Buffer) => Buffer.from(whole).fill(0, whole.length - 200)],
  ['of another V8', (whole: Buffer) => signed(Buffer.from(whole.subarray(32)).fill(0, 4, 8))],
])('what is kept and %s is refused, and replaced', (_what, spoil) => {
  run({ keeps: true })
  const path = join(folder, kept()[0] ?? '')
  writeFileSync(path, spoil(readFileSync(path)))
  expect(run({ keeps: true })).toEqual({ isNew: true, doubled: 8 })
  expect(run()).toEqual({ isNew: false, doubled: 8 })
})

function signed(compiled: Buffer): Buffer {
  return Buffer.concat([createHash('sha256').update(compiled).digest(), compiled])
}

test('where it cannot be kept the program runs all the same, and leaves nothing behind', () => {
  mkdirSync(join(folder, `program-one-${process.version}-${process.arch}.compiled`))
  const before = readdirSync(folder)
  expect(run({ keeps: true })).toEqual({ isNew: true, doubled: 8 })
  expect(readdirSync(folder)).toEqual(before)
})
