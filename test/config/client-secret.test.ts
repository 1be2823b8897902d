import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createClientSecrets } from '../../src/config/client-secret.js'
import { PROFILE_DEFAULTS, type Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import type { Vault } from '../../src/vault/vault.js'
import { rejectionOf, temporaryFolder } from './support.js'

const CANARY = 's3cr3t-canary'

function profileWith(keys: Partial<Profile>): Profile {
  return {
    ...PROFILE_DEFAULTS,
    name: 'gw',
    preset: null,
    client_id: 'c',
    redirect_uri: 'http://127.0.0.1:8252/callback/gw',
    token_endpoint_auth_method: 'client_secret_basic',
    ...keys,
  }
}

function vaultOf(items: Record<string, string> | CatchdError): Vault {
  return {
    kind: 'memory',
    engine: 'memory',
    get: async (name) => {
      if (items instanceof CatchdError) throw items
      return items[name] === undefined ? undefined : new Secret(items[name])
    },
    set: async () => undefined,
    delete: async () => false,
    names: async () => [],
    findTrouble: async () => undefined,
    close: async () => undefined,
  }
}

const node = (script: string) => ({ command: [process.execPath, '-e', script] })

interface Outside {
  vault?: Vault
  environment?: NodeJS.ProcessEnv
  warn?: (message: string) => void
  commandDeadlineMs?: number
}

function read(client_secret: Profile['client_secret'], outside: Outside = {}) {
  const secrets = createClientSecrets({ vault: vaultOf({}), environment: {}, ...outside })
  return secrets(profileWith(client_secret === undefined ? {} : { client_secret }))
}

async function refusalOf(client_secret: Profile['client_secret'], outside: Outside = {}) {
  const failure = await rejectionOf(read(client_secret, outside))
  expect(failure).toMatchObject({
    code: 'profile_invalid',
    exitCode: 7,
    profile: 'gw',
    next: 'catchd profile set-secret gw',
  })
  expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('canary')
  return failure.detail
}

describe('a secret is read', () => {
  test('from the configuration itself', async () => {
    expect((await read(CANARY))?.reveal()).toBe(CANARY)
  })

  test('from the vault, under the name of the profile', async () => {
    const secret = await read({ keychain: true }, { vault: vaultOf({ 'client-secret/gw': CANARY }) })
    expect(secret?.reveal()).toBe(CANARY)
  })

  test('from the vault, under the name of the profile that it is inherited from', async () => {
    const vault = vaultOf({ 'client-secret/base': CANARY })
    const secrets = createClientSecrets({ vault, environment: {} })
    const profile = profileWith({ client_secret: { keychain: true }, client_secret_of: 'base' })
    expect((await secrets(profile))?.reveal()).toBe(CANARY)
  })

  test('from the environment', async () => {
    const secret = await read({ env: 'GW_SECRET' }, { environment: { GW_SECRET: CANARY } })
    expect(secret?.reveal()).toBe(CANARY)
  })

  test.each([
    [`${CANARY}\n`, CANARY],
    [`${CANARY}\r\n`, CANARY],
    [` ${CANARY} \n\n`, ` ${CANARY} \n`],
    [CANARY, CANARY],
  ])('from a file, without its last line break: %j', async (text, value) => {
    const file = join(await temporaryFolder(), 'secret')
    writeFileSync(file, text, { mode: 0o600 })
    expect((await read({ file }))?.reveal()).toBe(value)
  })

  test.skipIf(process.platform === 'win32').each([0o644, 0o640, 0o620, 0o602])(
    'not from a file of mode %o, naming the command',
    async (mode) => {
      const file = join(await temporaryFolder(), "it's secret")
      writeFileSync(file, CANARY)
      chmodSync(file, mode)
      const next = `chmod 600 '${file.replace("'", "'\\''")}'`
      await expect(read({ file })).rejects.toMatchObject({ code: 'profile_invalid', next })
      execFileSync('/bin/sh', ['-c', next])
      expect((await read({ file }))?.reveal()).toBe(CANARY)
    },
  )

  test('from what a command prints, trimmed, each time anew', async () => {
    const counter = join(await temporaryFolder(), 'count')
    const source = node(
      `require('fs').appendFileSync(${JSON.stringify(counter)}, '.'); console.log('  ${CANARY}-' + require('fs').statSync(${JSON.stringify(counter)}).size)`,
    )
    expect((await read(source))?.reveal()).toBe(`${CANARY}-1`)
    expect((await read(source))?.reveal()).toBe(`${CANARY}-2`)
  })

  test('by a command that gets its arguments as they are, without a shell', async () => {
    const secret = await read({ command: [process.execPath, '-p', 'process.argv[1]', '$(touch x); `id` *'] })
    expect(secret?.reveal()).toBe('$(touch x); `id` *')
  })

  test('by a command that gets the environment of the daemon and no input', async () => {
    const script = `process.stdin.on('data', () => {}).on('end', () => console.log(process.env.TOKEN_OF_OP))`
    const environment = { ...process.env, TOKEN_OF_OP: CANARY }
    expect((await read(node(script), { environment }))?.reveal()).toBe(CANARY)
  })
})

test('a profile without a secret that needs none has none', async () => {
  const secrets = createClientSecrets({ vault: vaultOf({}), environment: {} })
  expect(await secrets(profileWith({ token_endpoint_auth_method: 'none' }))).toBeUndefined()
  expect(await secrets(profileWith({ token_endpoint_auth_method: 'private_key_jwt' }))).toBeUndefined()
})

describe('a secret that cannot be had is profile_invalid, says why and quotes nothing', () => {
  test('none is configured', async () => {
    expect(await refusalOf(undefined)).toContain('client_secret_basic needs a client_secret')
  })

  test('not in the vault', async () => {
    expect(await refusalOf({ keychain: true })).toContain('not in the vault')
  })

  test.each([undefined, ''])('environment variable is %j', async (value) => {
    expect(await refusalOf({ env: 'GW_SECRET' }, { environment: { GW_SECRET: value } })).toContain(
      'GW_SECRET',
    )
  })

  test('no such file', async () => {
    expect(await refusalOf({ file: '/nonexistent/secret' })).toContain('ENOENT')
  })

  test('a folder, an empty file, a file of more than 64 KiB', async () => {
    const folder = await temporaryFolder()
    const file = join(folder, 'secret')
    mkdirSync(join(folder, 'folder'))
    expect(await refusalOf({ file: join(folder, 'folder') })).toContain('is not a file')
    writeFileSync(file, '\n', { mode: 0o600 })
    expect(await refusalOf({ file })).toContain('is empty')
    writeFileSync(file, CANARY.repeat(10_000))
    expect(await refusalOf({ file })).toContain('64 KiB')
  })

  test('a command that fails', async () => {
    const script = `console.log('${CANARY}'); console.error('${CANARY}'); process.exit(3)`
    expect(await refusalOf(node(script))).toContain('exit code 3')
  })

  test.each([
    ['a program that is not there', ['/nonexistent/op', CANARY]],
    ['no program', ['', CANARY]],
    ['a NUL', ['op\0', CANARY]],
  ])('a command with %s', async (_what, command) => {
    expect(await refusalOf({ command })).toContain('client_secret command')
  })

  test('a command that prints nothing, or too much', async () => {
    expect(await refusalOf(node('console.log()'))).toContain('printed nothing')
    expect(await refusalOf(node(`process.stdout.write('${CANARY}'.repeat(10000))`))).toContain('64 KiB')
  })

  test('a command that never ends', async () => {
    const script = `process.on('SIGTERM', () => {}); console.log('${CANARY}'); setInterval(() => {}, 1000)`
    expect(await refusalOf(node(script), { commandDeadlineMs: 300 })).toContain('took longer than')
  })
})

test('a locked vault stays a locked vault', async () => {
  const vault = vaultOf(new CatchdError('vault_locked'))
  expect(await rejectionOf(read({ keychain: true }, { vault }))).toMatchObject({ code: 'vault_locked' })
})
