/** After a lock no token is in the memory of the daemon, as far as its heap shows (SECURITY.md#a-lock-is-a-lock). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Daemon } from '../support/daemon.js'
import { type Environment, environment, PROGRAM } from '../support/program.js'
import { startSeedSystem } from '../support/seed-system.js'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

test.each(['file', 'memory'])('with the %s vault', async (vault) => {
  const system = await startSeedSystem({ rotateRefreshTokens: true })
  cleanUps.push(() => system.stop())
  const { daemon, gateway } = system
  await daemon.kill('SIGTERM')
  const heap = await startWithSnapshots(daemon, {
    CATCHD_VAULT: vault,
    GW_SECRET: gateway.clientSecret ?? '',
  })
  await system.login()
  const secrets = [await accessToken(daemon)]
  expect((await daemon.api('POST', '/v1/tokens/gw/refresh')).status).toBe(200)
  expect((await daemon.api('POST', '/v1/tokens/gw/refresh')).status).toBe(200)
  secrets.push(await accessToken(daemon))
  for (const { body } of gateway.tokenRequests) {
    const { refresh_token: sent } = JSON.parse(body) as { readonly refresh_token?: string }
    if (sent !== undefined) secrets.push(sent)
  }
  expect(secrets.length).toBe(4)
  expect(await heap.found([secrets[1] ?? '']), 'the search can find').toHaveLength(1)

  const locked = await daemon.api('POST', '/v1/lock', { body: { passphrase: 'a passphrase' } })
  expect(locked.status, locked.text).toBe(204)
  expect(await heap.found(secrets)).toEqual([])
  await daemon.api('POST', '/v1/unlock', { body: { passphrase: 'a passphrase' } })
  expect(await accessToken(daemon)).toBe(secrets[1])
})

async function accessToken(daemon: Daemon): Promise<string> {
  return String((await daemon.api('GET', '/v1/tokens/gw')).json['access_token'])
}

/** The daemon of this home, in a process that collects garbage and writes its heap when it gets SIGUSR2. */
async function startWithSnapshots(daemon: Daemon, env: Environment) {
  const child = spawn(process.execPath, ['--heapsnapshot-signal=SIGUSR2', PROGRAM, 'daemon', 'run'], {
    cwd: daemon.home,
    env: environment({
      HOME: daemon.home,
      CATCHD_HOME: daemon.home,
      CATCHD_API_PORT: String(daemon.apiPort),
      CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
      CATCHD_BROWSER: 'none',
      ...env,
    }),
    stdio: 'ignore',
  })
  cleanUps.push(async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const answers = async () => (await daemon.api('GET', '/v1/status').catch(() => undefined))?.status
  await expect.poll(answers).toBe(200)
  const snapshots = () => readdirSync(daemon.home).filter((name) => name.endsWith('.heapsnapshot'))
  return {
    /** Those of the texts that are in the heap. */
    async found(texts: readonly string[]): Promise<string[]> {
      const before = new Set(snapshots())
      child.kill('SIGUSR2')
      let heap = ''
      await expect
        .poll(() => {
          const name = snapshots().find((each) => !before.has(each))
          heap = name === undefined ? '' : readFileSync(join(daemon.home, name), 'utf8')
          return heap.trimEnd().endsWith('}')
        })
        .toBe(true)
      return texts.filter((text) => heap.includes(text))
    },
  }
}
