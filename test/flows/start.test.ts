/** A daemon that cannot start says so at once, ends, and has answered nobody. */
import { statSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runProgram } from '../support/program.js'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'catchd-start-'))
})
afterEach(async () => {
  await rm(home, { recursive: true })
})

test.each([
  ['the home', ''],
  ['the runtime folder', 'run'],
])('%s is a file: whatever needs the daemon says so with exit code 7', async (_name, below) => {
  const place = below === '' ? join(home, 'file') : home
  const file = join(place, below)
  await writeFile(file, 'mine')
  const env = { HOME: home, CATCHD_HOME: place, CATCHD_API_PORT: '0', CATCHD_VAULT: 'memory' }
  for (const args of [['daemon', 'run'], ['status'], ['token', 'gw']]) {
    const { exitCode, stderr } = await runProgram(args, { env })
    expect({ args, exitCode }).toEqual({ args, exitCode: 7 })
    expect(stderr).toContain(`${file} is not a folder`)
  }
  expect((await runProgram(['daemon', 'stop'], { env })).exitCode).toBe(0)
})

test.skipIf(process.platform === 'win32').each(['state', 'run'])(
  'a %s folder that its owner made read-only is named at the start, and left as it is',
  async (name) => {
    const folder = join(home, name)
    await mkdir(folder)
    await chmod(folder, 0o500)
    const env = { HOME: home, CATCHD_HOME: home, CATCHD_API_PORT: '0', CATCHD_VAULT: 'memory' }
    const { exitCode, stderr } = await runProgram(['status'], { env })
    expect({ exitCode, mode: statSync(folder).mode & 0o777 }).toEqual({ exitCode: 7, mode: 0o500 })
    expect(stderr).toContain(`chmod 700 ${folder}`)
  },
)
