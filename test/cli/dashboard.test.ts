/** `catchd dashboard`: the link on stdout, a browser where one is wanted. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { problem } from '../client/fake-daemon.js'
import { fakeDaemon, run } from './run.js'

const URL = 'http://127.0.0.1:7636/enter?link=one-time'
const link = { url: URL, expires_at: '2099-01-01T00:00:00Z' }
const routes = { 'POST /v1/dashboard/links': { status: 201, body: link } }

/** A browser that writes down what it was started with. */
function notingBrowser() {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-browser-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [command, note] = [join(folder, 'browser'), join(folder, 'note')]
  writeFileSync(command, `#!/bin/sh\necho "$1" > ${note}.part && mv ${note}.part ${note}\n`)
  chmodSync(command, 0o755)
  const opened = () => {
    try {
      return readFileSync(note, 'utf8').trim()
    } catch {
      return undefined
    }
  }
  return { command, opened }
}

test('prints the link alone on stdout, and opens it', async () => {
  const daemon = await fakeDaemon(routes)
  const browser = notingBrowser()
  const { exitCode, stdout, stderr } = await run(daemon, ['dashboard'], {
    env: { CATCHD_BROWSER: browser.command },
  })
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${URL}\n` })
  expect(stderr).toContain('once, within one minute')
  await expect.poll(browser.opened).toBe(URL)
})

test.each([
  [['--no-browser'], {}],
  [[], { CATCHD_BROWSER: 'none' }],
])('%j %j opens nothing', async (words, env) => {
  const daemon = await fakeDaemon(routes)
  // A browser that was tried would be complained about.
  const { exitCode, stdout, stderr } = await run(daemon, ['dashboard', ...words], {
    env: { BROWSER: '/nowhere/browser', ...env },
  })
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${URL}\n` })
  expect(stderr).not.toContain('/nowhere/browser')
})

test('a browser that cannot be started is no failure', async () => {
  const daemon = await fakeDaemon(routes)
  const { exitCode, stdout, stderr } = await run(daemon, ['dashboard'], {
    env: { CATCHD_BROWSER: '/nowhere/browser' },
  })
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${URL}\n` })
  expect(stderr).toContain('/nowhere/browser')
})

test('--json says until when it is good', async () => {
  const daemon = await fakeDaemon(routes)
  const { stdout } = await run(daemon, ['dashboard', '--json', '--no-browser'])
  expect(JSON.parse(stdout)).toEqual(link)
})

test('without the API port there is no dashboard, and it says what to do', async () => {
  const refusal = problem('config_invalid', 422, {
    detail: 'The dashboard is served on the API port, which CATCHD_API_PORT=0 turns off.',
    next: 'CATCHD_API_PORT=7636 catchd daemon restart',
  })
  const daemon = await fakeDaemon({ 'POST /v1/dashboard/links': refusal })
  const { exitCode, stdout, stderr } = await run(daemon, ['dashboard'])
  expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: '' })
  expect(stderr).toContain('CATCHD_API_PORT=0')
  expect(stderr).toContain('→ CATCHD_API_PORT=7636 catchd daemon restart')
})
