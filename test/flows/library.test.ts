/** The built library against the built program: a daemon that is started when asked for, and watched over a restart. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { environment, PROGRAM } from '../support/program.js'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const LIBRARY = pathToFileURL(join(PROGRAM, '..', 'client', 'index.js')).href

/** Runs a program that uses the library in the home of a daemon. */
async function program(daemon: Daemon, source: string) {
  const file = join(daemon.home, 'program.mjs')
  await writeFile(file, `import { CatchdClient } from ${JSON.stringify(LIBRARY)}\n${source}`)
  const env = {
    HOME: daemon.home,
    CATCHD_HOME: daemon.home,
    CATCHD_API_PORT: '0',
    CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
    CATCHD_VAULT: 'memory',
  }
  const child = spawn(process.execPath, [file], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  const ended = once(child, 'close')
  return {
    stdout: () => stdout,
    ended: ended.then(([exitCode]) => ({ exitCode, stdout })),
  }
}

async function start(): Promise<Daemon> {
  const daemon = await startDaemon()
  cleanUps.push(() => daemon.stop())
  return daemon
}

test('nothing is started unless that is asked for', async () => {
  const daemon = await start()
  await daemon.kill('SIGTERM')
  const ask = (options: string) =>
    `console.log(await new CatchdClient(${options}).status().then(({ pid }) => pid, ({ code }) => code))`
  for (const options of ['', `{ start: true, socketPath: ${JSON.stringify(daemon.socketPath)} }`]) {
    expect((await (await program(daemon, ask(options))).ended).stdout).toBe('daemon_unreachable\n')
  }
  const started = await (await program(daemon, ask('{ start: true }'))).ended
  expect(started.stdout).toMatch(/^\d+\n$/)
  expect((await daemon.api('GET', '/v1/status')).json['pid']).toBe(Number(started.stdout))
})

test('a daemon that cannot start says why', async () => {
  const daemon = await start()
  await daemon.kill('SIGTERM')
  await writeFile(join(daemon.home, 'state', 'admin.key'), 'short', { mode: 0o600 })
  const source =
    'await new CatchdClient({ start: true }).status().catch(({ code, detail }) => console.log(code, detail))'
  const { stdout } = await (await program(daemon, source)).ended
  expect(stdout).toMatch(/^config_invalid .*admin\.key/)
})

test('events are told over a restart, which watching does not undo', async () => {
  const daemon = await start()
  const watching = await program(
    daemon,
    `const over = new AbortController()
    for await (const { event, client } of new CatchdClient({ start: true }).events({ signal: over.signal })) {
      console.log(event, client ?? '')
      if (client === 'two') over.abort()
    }
    console.log('over')`,
  )
  const add = (client: string) =>
    daemon.api('POST', '/v1/clients', { body: { client, profiles: ['gw'], actions: ['token'] } })
  await expect.poll(watching.stdout).toContain('connected')
  await add('one')
  await expect.poll(watching.stdout).toContain('client.added one')
  await daemon.restart()
  await expect.poll(() => watching.stdout().match(/connected/g)?.length).toBe(2)
  await add('two')
  expect(await watching.ended).toEqual({
    exitCode: 0,
    stdout: 'connected \nclient.added one\nconnected \nclient.added two\nover\n',
  })
})
