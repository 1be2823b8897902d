import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const SRC = resolve(import.meta.dirname, '../src')

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : join(folder, entry.name),
  )
}

/** A folder of src; in http each sub-folder counts by itself; a file at the top of src is a module of its own. */
function moduleOf(file: string): string {
  const [first = '', second = '', ...rest] = relative(SRC, file).split('/')
  return first === 'http' && rest.length > 0 ? `http/${second}` : first
}

function imports(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => match[1] ?? '')
}

test('the modules import each other without a cycle, types included', () => {
  const importedBy = new Map<string, Set<string>>()
  for (const file of files(SRC).filter((name) => name.endsWith('.ts'))) {
    for (const specifier of imports(file).filter((name) => name.startsWith('.'))) {
      const [from, to] = [moduleOf(file), moduleOf(resolve(dirname(file), specifier).replace(/\.js$/, '.ts'))]
      if (from !== to) importedBy.set(from, (importedBy.get(from) ?? new Set()).add(to))
    }
  }
  expect(cyclesIn(importedBy)).toEqual([])
  expect(cyclesIn(new Map([...importedBy, ['config', new Set(['login'])]]))).not.toEqual([])
})

/** What every module may use. */
const SHARED = ['process', 'files', 'listener', 'text']

test('the library imports itself, the shared folders and files at the top of src, so that its types can be published', () => {
  expect(importsBeyond('client')).toEqual([])
  expect(SHARED.flatMap(importsBeyond)).toEqual([])
})

/** The imports of a folder that are neither its own, nor in a shared folder, nor at the top of src. */
function importsBeyond(folder: string): string[] {
  const paths = files(join(SRC, folder)).flatMap((file) =>
    imports(file)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => relative(SRC, resolve(dirname(file), specifier))),
  )
  return paths.filter((path) => path.includes('/') && ![folder, ...SHARED].includes(path.split('/')[0] ?? ''))
}

/** Each module that can be reached from itself, with one way round. */
function cyclesIn(importedBy: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const wayBack = (start: string) => {
    const seen = new Set<string>()
    const ways = [[start]]
    for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
      for (const next of importedBy.get(way.at(-1) ?? '') ?? []) {
        if (next === start) return [...way, start].join(' → ')
        if (!seen.has(next)) ways.push([...way, next])
        seen.add(next)
      }
    }
    return undefined
  }
  return [...importedBy.keys()].map(wayBack).filter((way) => way !== undefined)
}

test('the pure parts of login, tokens and diagnosis know no I/O, no framework and no clock', () => {
  const pure = [
    'login/authorization-response.ts',
    'login/endings.ts',
    'login/login-index.ts',
    'login/login-request.ts',
    'login/login.ts',
    'login/redirect-uris.ts',
    'login/tab-budget.ts',
    'vault/record.ts',
    'diagnosis/diagnose.ts',
    'diagnosis/redirect-uri.ts',
    'diagnosis/client.ts',
    'diagnosis/proof-key.ts',
    'diagnosis/scopes.ts',
    'diagnosis/response.ts',
    'diagnosis/issuer.ts',
    'diagnosis/connection.ts',
    'diagnosis/clock.ts',
    'diagnosis/facts.ts',
    'tokens/token-set.ts',
    'tokens/token-life.ts',
    'tokens/next-login.ts',
    'tokens/refresh-back-off.ts',
  ]
  for (const file of pure) {
    const outside = imports(join(SRC, file)).filter(
      (specifier) => !specifier.startsWith('.') && specifier !== 'zod',
    )
    expect(outside, file).toEqual([])
    expect(readFileSync(join(SRC, file), 'utf8'), file).not.toMatch(/Date\.now|Math\.random|setTimeout/)
  }
})

test('keytar is imported by its child process alone, and oauth4webapi by its module alone', () => {
  for (const file of files(SRC)) {
    const used = imports(file)
    if (used.includes('keytar')) expect(relative(SRC, file)).toBe('vault/keytar-child.ts')
    if (used.includes('oauth4webapi')) expect(moduleOf(file)).toBe('authorization-server')
  }
})

test('zod is imported as a namespace, of which the bundler takes what is used: half of it', () => {
  for (const file of files(SRC)) {
    if (!imports(file).includes('zod')) continue
    expect(readFileSync(file, 'utf8'), file).toMatch(/^import (type )?\* as z from 'zod'$/m)
  }
})

test('what every start of the daemon loads imports neither of the listeners’ apps, nor Fastify', () => {
  for (const file of files(SRC)) {
    const isLazy = /^http\/(api|redirect|dashboard)\/|^proxy\//.test(relative(SRC, file))
    const loaded = readFileSync(file, 'utf8').matchAll(/^import (?!type )[^;]*?from '([^']+)'/gm)
    const heavy = [...loaded].filter(([, from = '']) =>
      /^(fastify|@fastify\/.+)$|\/(api|redirect)-app\.js$/.test(from),
    )
    if (!isLazy)
      expect(
        heavy.map(([, from]) => from),
        file,
      ).toEqual([])
  }
})
