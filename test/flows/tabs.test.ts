/** How many browser tabs the built program opens when tools ask for a login by themselves. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.js'

const cleanUps: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(): Promise<{ daemon: Daemon; tabs: () => string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-tabs-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  const opened = join(folder, 'opened')
  const browser = join(folder, 'browser')
  writeFileSync(opened, '')
  writeFileSync(browser, `#!/bin/sh\nprintf '%s\\n' "$1" >> '${opened}'\n`)
  chmodSync(browser, 0o700)
  const daemon = await startDaemon({
    env: { CATCHD_BROWSER: browser, CATCHD_VAULT: 'file' },
    config: {
      profiles: {
        gw: {
          authorization_endpoint: 'https://id.example/authorize',
          token_endpoint: 'https://id.example/token',
          client_id: 'catchd',
        },
      },
    },
  })
  cleanUps.push(() => daemon.stop())
  return { daemon, tabs: () => readFileSync(opened, 'utf8').split('\n').filter(Boolean) }
}

const ask = (daemon: Daemon) => daemon.api('GET', '/v1/tokens/gw?login=auto')

test('many tools, a restart and a tab that nobody answers: one tab, until a person logs in', async () => {
  const { daemon, tabs } = await start()
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(daemon)))
  expect(new Set(answers.map(({ json }) => json['code']))).toEqual(new Set(['login_required']))
  const [id, ...others] = new Set(answers.map(({ json }) => String(json['login_id'])))
  expect(others).toEqual([])
  await expect.poll(() => tabs().length).toBe(1)

  await daemon.restart('SIGKILL')
  expect((await ask(daemon)).json).toMatchObject({ code: 'login_required', login_id: id })

  expect((await daemon.api('DELETE', `/v1/logins/${String(id)}`)).status).toBe(204)
  const refused = await ask(daemon)
  expect(refused.status).toBe(409)
  expect(refused.json).toMatchObject({
    code: 'login_required',
    detail: expect.stringContaining(
      'The last login that a tool opened in the browser was not finished',
    ) as string,
    next: 'catchd login gw',
  })
  expect(tabs()).toHaveLength(1)

  const own = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: true } })
  expect(own.status).toBe(201)
  await expect.poll(() => tabs().length).toBe(2)
  expect((await ask(daemon)).json).toMatchObject({ login_id: own.json['login_id'] })
  expect(tabs()).toHaveLength(2)
})
