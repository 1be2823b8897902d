/** Ctrl-C in the demo leaves nothing: no daemon, no gateway, no folder. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { environment, PROGRAM } from '../support/program.js'

test.each([
  // The daemon is being started at the first moment, and has a profile at the second.
  ['listens on'],
  ['Add the profile'],
])('interrupted after "%s"', async (moment) => {
  const folder = await mkdtemp(join(tmpdir(), 'catchd-interrupted-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const child = spawn(process.execPath, [PROGRAM, 'demo'], {
    env: environment({ HOME: folder, TMPDIR: folder }),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  let isInterrupted = false
  child.stdout.on('data', (chunk) => {
    output += String(chunk)
    if (isInterrupted || !output.includes(moment)) return
    isInterrupted = child.kill('SIGINT') // a second one ends the program at once
  })
  expect(await once(child, 'close')).toEqual([130, null])
  // Node.js keeps compiled code in .cache.
  expect((await readdir(folder)).filter((name) => name.startsWith('catchd-'))).toEqual([])
  const gateway = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? ''
  await expect.poll(() => fetch(gateway).catch(() => 'gone'), { timeout: 30_000 }).toBe('gone')
})
