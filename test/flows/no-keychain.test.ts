/**
 * Where no keychain is used, the person hears it once, with a command that changes it; every place gives the same reason.
 * The daemon runs with `auto`, as people have it.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import { startGateway } from '../../src/demo/gateway.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { keyringReason, startKeyring } from '../support/keyring.js'
import type { Environment } from '../support/program.js'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(env: Environment) {
  const gateway = await startGateway()
  cleanUps.push(() => gateway.close())
  const daemon = await startDaemon({
    env: { CATCHD_VAULT: undefined, GW_SECRET: gateway.clientSecret ?? '', ...env },
    config: {
      profiles: {
        gw: {
          preset: 'webmethods',
          base_url: gateway.baseUrl,
          client_id: gateway.clientId,
          client_secret: { env: 'GW_SECRET' },
          scope: 'email',
        },
      },
    },
  })
  cleanUps.push(() => daemon.stop())
  gateway.allowRedirectUri(daemon.redirectUri('gw'))
  const [{ name: user, password }] = gateway.users
  return {
    daemon,
    /** `catchd login` as a person runs it. @returns What it wrote to stderr. */
    async login(...options: string[]): Promise<string> {
      let approving: Promise<unknown> | undefined
      const { exitCode, stderr } = await daemon.cli(['login', 'gw', '--no-browser', ...options], {
        onStderr(text) {
          const url = /^http:\S+\/invoke\/\S+(?=\n)/m.exec(text)?.[0]
          if (url !== undefined)
            approving ??= approve(url, { user, password }).then((to) => daemon.follow(to))
        },
      })
      await approving
      expect(exitCode, stderr).toBe(0)
      return stderr
    },
  }
}

interface VaultState {
  readonly kind: string
  readonly health: string
  readonly reason: string | null
  readonly next: string | null
}

async function vaultOf(daemon: Daemon): Promise<VaultState> {
  return (await daemon.api('GET', '/v1/status')).json['vault'] as VaultState
}

/** `status`, `vault status` and `doctor` give this reason and command, in these words. */
async function expectEverywhere(daemon: Daemon, { reason, next }: VaultState): Promise<void> {
  const outputs = await Promise.all(
    [['status'], ['vault', 'status'], ['doctor']].map(async (args) => (await daemon.cli(args)).stdout),
  )
  for (const output of outputs) {
    expect(output).toContain(`${reason}\n`)
    expect(output).toContain(`→ ${next}\n`)
  }
}

const NO_SESSION = { XDG_RUNTIME_DIR: '/nonexistent', DBUS_SESSION_BUS_ADDRESS: undefined }

test('without a session it is said once, in all places alike, and not at all to a person who chose the file', async () => {
  const { daemon, login } = await start(NO_SESSION)
  const first = await login()
  const vault = await vaultOf(daemon)
  expect(vault).toMatchObject({ kind: 'file', health: 'ok' })
  expect(vault.reason).toMatch(/^There is no keychain in this session \(no D-Bus session bus\)\. Tokens are/)
  expect(first.split(`${vault.reason}\n  → ${vault.next}\n`)).toHaveLength(2)
  expect(await login(), 'the next login').not.toContain('keychain')
  await daemon.restart()
  expect(await login(), 'after a restart').not.toContain('keychain')
  await expectEverywhere(daemon, vault)

  const key = await daemon.cli(['client', 'add', 'ci', '--profiles', 'gw', '--actions', 'token', '--json'])
  const limited = await daemon.api('GET', '/v1/status', { via: 'tcp', key: JSON.parse(key.stdout).key })
  expect(limited.json['vault']).toMatchObject({ health: 'ok', reason: null, next: null })

  expect((await daemon.cli(['vault', 'migrate', '--to', 'file'])).exitCode).toBe(0)
  await daemon.kill('SIGTERM')
  const chosen = await daemon.cli(['vault', 'status'], { env: { CATCHD_VAULT: 'file' } })
  expect(chosen.stdout).toMatch(/vault +sealed file\n +engine +sealed-file\n +health +ok\n +unsaved/)
})

describe.skipIf(keyringReason !== undefined)('a Secret Service that was never set up', () => {
  test('the printed commands, run as they are, lead to tokens in the keychain', async () => {
    const keyring = await startKeyring({ service: 'empty' })
    cleanUps.push(() => keyring.stop())
    const { HOME: _home, ...session } = keyring.env
    const { daemon, login } = await start(session)
    const said = await login()
    expect(said).toContain('it was never set up')
    const before = await vaultOf(daemon)
    expect(before).toMatchObject({ kind: 'file', next: 'gnome-keyring-daemon --replace --unlock' })

    const setUp = spawn('sh', ['-c', before.next ?? ''], {
      env: keyring.env,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    setUp.stdin.end('a password')
    await once(setUp, 'exit')
    await expect.poll(async () => (await vaultOf(daemon)).next).toBe('catchd vault migrate --to keychain')
    expect(await login(), 'another reason is said').toContain(
      'A keychain is available now. Tokens are stored',
    )
    const { next } = await vaultOf(daemon)
    expect((await daemon.cli(next?.split(' ').slice(1) ?? [])).stdout).toMatch(/moved from file to keychain/)
    expect(await vaultOf(daemon)).toMatchObject({ kind: 'keychain', health: 'ok', reason: null, next: null })
    expect(await login()).not.toContain('keychain')
    const { stdout: stored } = await promisify(execFile)(
      'secret-tool',
      ['search', '--all', 'account', 'token-set/gw'],
      { env: keyring.env },
    )
    expect(stored).toContain('token-set/gw')
  })
})

test('a wrong passphrase: the file is named in all places, and the right one in that file is enough', async () => {
  const { daemon, login } = await start({ ...NO_SESSION, CATCHD_VAULT: 'file' })
  await login()
  const file = join(daemon.home, 'passphrase')
  const write = (text: string) => writeFile(file, `${text}\n`, { mode: 0o600 })
  const withFile = { CATCHD_VAULT_PASSPHRASE_FILE: file }
  await write('the right one')
  await daemon.kill('SIGTERM')
  const sealed = await daemon.cli(['vault', 'migrate', '--to', 'file'], { env: withFile })
  expect(sealed.stdout).toMatch(/sealed with the passphrase/)
  await daemon.cli(['daemon', 'stop'], { env: withFile })

  await write('another one')
  const refused = await daemon.cli(['token', 'gw'], { env: withFile })
  expect(refused).toMatchObject({ exitCode: 6, stdout: '' })
  expect(refused.stderr).toContain(`wrong passphrase in ${file}. Nothing was changed.`)
  const vault = await vaultOf(daemon)
  expect(vault).toMatchObject({ kind: 'file', health: 'locked', next: `"\${EDITOR:-vi}" ${file}` })
  await expectEverywhere(daemon, vault)
  const status = await daemon.cli(['status'], { env: withFile })
  expect(status).toMatchObject({ exitCode: 6, stderr: '' })
  expect(status.stdout).toContain('Profiles cannot be shown until the vault works.')

  // The printed command opens the file in the person's editor, which is a program without arguments here.
  const editor = join(daemon.home, 'editor')
  await writeFile(editor, `#!/bin/sh\nprintf 'the right one\\n' > "$1"\n`, { mode: 0o700 })
  await promisify(execFile)('sh', ['-c', vault.next ?? ''], { env: { EDITOR: editor } })
  // On a busy machine, the first answer may still be that of before.
  const shown = async () => (await daemon.cli(['vault', 'status'], { env: withFile })).stdout
  await expect.poll(shown, { timeout: 60_000 }).toMatch(/health +ok/)
  expect((await daemon.cli(['token', 'gw'], { env: withFile })).exitCode).toBe(0)
  expect(await readdir(join(daemon.home, 'state'))).not.toContain('vault.key')
})
