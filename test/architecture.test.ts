import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const SRC = resolve(import.meta.dirname, '../src')

/** What each room may import from besides itself and the three files at the top; types of a seam count too. */
const MAY_IMPORT: Record<string, string[]> = {
  '': ['cli', 'client'],
  cli: [
    'client',
    'config',
    'daemon',
    'demo',
    'diagnosis',
    'doctor',
    'authorization-server',
    'forward',
    'http',
    'proxy',
    'service',
    'import',
  ],
  client: ['http', 'config', 'login'],
  daemon: [
    'authorization-server',
    'config',
    'diagnosis',
    'http',
    'journal',
    'login',
    'notices',
    'tokens',
    'vault',
  ],
  notices: ['config', 'tokens', 'vault'],
  http: ['config', 'diagnosis', 'login', 'tokens'],
  diagnosis: ['authorization-server', 'config'],
  login: ['authorization-server', 'config', 'diagnosis', 'journal', 'tokens', 'vault'],
  tokens: ['authorization-server', 'config', 'vault'],
  'authorization-server': ['config', 'tokens', 'login'],
  config: ['authorization-server', 'vault'],
  vault: [],
  journal: [],
  service: [],
  import: ['client'],
  doctor: ['authorization-server', 'client', 'config', 'diagnosis', 'http', 'service', 'vault'],
  demo: ['client'],
  proxy: ['client', 'http'],
  forward: [],
}

/** Tables without imports, which every part of the program may read. */
const FOR_ALL = new Set(['vault/vault-kinds.ts'])

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : join(folder, entry.name),
  )
}

const roomOf = (file: string) => {
  const [first = '', ...rest] = relative(SRC, file).split('/')
  return rest.length === 0 ? '' : first
}

function imports(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => match[1] ?? '')
}

test('arrows between the rooms point down', () => {
  const wrong = files(SRC).flatMap((file) =>
    imports(file)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => resolve(dirname(file), specifier))
      .filter((imported) => !FOR_ALL.has(relative(SRC, imported).replace(/\.js$/, '.ts')))
      .map(roomOf)
      .filter((room) => room !== '' && room !== '..' && room !== roomOf(file))
      .filter((room) => MAY_IMPORT[roomOf(file)]?.includes(room) !== true)
      .map((room) => `${relative(SRC, file)} → ${room}`),
  )
  expect(wrong).toEqual([])
})

test('what every part may read imports nothing', () => {
  for (const file of FOR_ALL) expect(imports(join(SRC, file)), file).toEqual([])
})

test('the pure parts of login, tokens and diagnosis know no I/O, no framework and no clock', () => {
  const pure = [
    'login/authorization-response.ts',
    'login/pending-logins.ts',
    'login/answered-logins.ts',
    'login/pending-login-record.ts',
    'login/redirect-uris.ts',
    'login/catch-record.ts',
    'login/login-request.ts',
    'login/login.ts',
    'login/pending-catches.ts',
    'login/pasted-response.ts',
    'login/device-login-record.ts',
    'login/stored-summary.ts',
    'login/tab-budget.ts',
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
    'tokens/forecast.ts',
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

test('keytar is imported by its child process alone, and oauth4webapi by its room alone', () => {
  for (const file of files(SRC)) {
    const used = imports(file)
    if (used.includes('keytar')) expect(relative(SRC, file)).toBe('vault/keytar-child.ts')
    if (used.includes('oauth4webapi')) expect(roomOf(file)).toBe('authorization-server')
  }
})

test('zod is imported as a namespace, of which the bundler takes what is used: half of it', () => {
  for (const file of files(SRC)) {
    if (!imports(file).includes('zod')) continue
    expect(readFileSync(file, 'utf8'), file).toMatch(/^import (type )?\* as z from 'zod'$/m)
  }
})

test('what every start of the daemon loads imports neither of the doors’ apps, nor Fastify', () => {
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
