import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'

const DRIVER = `
  const [compiledProgram, file, keeps] = process.argv.slice(2)
  process.umask(0o077)
  const { exports: program, isNew, keep } = require(compiledProgram).runCompiled(file)
  const doubled = program.double(4)
  if (keeps) keep()
  program.basename('/a/b').then((name) => console.log(JSON.stringify([isNew, doubled, name, ...program.where])))`

const source = (factor: number) => `
  const { dirname } = require('node:path')
  exports.where = [__filename, __dirname, dirname(__filename)]
  exports.double = (n) => n * ${factor}
  exports.basename = async (path) => require('node:path').basename(path)`

const NAME = `program-${process.version}-${process.arch}.compiled`

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
function run({ keeps = false } = {}) {
  const words = [join(folder, 'driver.cjs'), join(folder, 'compiled-program.cjs'), file]
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
  expect(name).toBe(NAME)
  expect(statSync(join(folder, name)).mode & 0o777).toBe(0o644)
  const { mtimeMs } = statSync(join(folder, name))
  expect(run({ keeps: true })).toEqual({ isNew: false, doubled: 8 })
  expect(statSync(join(folder, name)).mtimeMs).toBe(mtimeMs)
})

test('a changed file of the same length is what runs, and its code replaces the other', () => {
  run({ keeps: true })
  writeFileSync(file, source(3))
  expect(run()).toEqual({ isNew: true, doubled: 12 })
  run({ keeps: true })
  expect(run()).toEqual({ isNew: false, doubled: 12 })
  expect(kept()).toEqual([NAME])
})

const isRoot = process.getuid?.() === 0
type Spoilt = [how: string, spoil: (path: string) => void]
const OTHERS: Spoilt[] = isRoot ? [['another user owns it', (path) => chownSync(path, 65_432, 65_432)]] : []

describe.skipIf(process.platform === 'win32')(
  'code that somebody else could have written is not used',
  () => {
    test.each<Spoilt>([
      ['its group can write it', (path) => chmodSync(path, 0o664)],
      ['everybody can write it', (path) => chmodSync(path, 0o646)],
      [
        'it is a link',
        (path) => {
          renameSync(path, `${path}.elsewhere`)
          symlinkSync(`${path}.elsewhere`, path)
        },
      ],
      ...OTHERS,
    ])('%s', (_how, spoil) => {
      run({ keeps: true })
      spoil(join(folder, NAME))
      expect(run()).toEqual({ isNew: true, doubled: 8 })
      expect(run({ keeps: true })).toEqual({ isNew: true, doubled: 8 })
      expect(run()).toEqual({ isNew: false, doubled: 8 })
    })

    test.skipIf(!isRoot)('the owner of the program is as trusted as the program', () => {
      run({ keeps: true })
      for (const path of [file, join(folder, NAME)]) chownSync(path, 65_432, 65_432)
      expect(run()).toEqual({ isNew: false, doubled: 8 })
    })
  },
)

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
  const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
  const ofProgram = digestOf(readFileSync(file))
  return Buffer.concat([digestOf(Buffer.concat([ofProgram, compiled])), compiled])
}

test('where it cannot be kept the program runs all the same, and leaves nothing behind', () => {
  mkdirSync(join(folder, NAME))
  const before = readdirSync(folder)
  expect(run({ keeps: true })).toEqual({ isNew: true, doubled: 8 })
  expect(readdirSync(folder)).toEqual(before)
})
