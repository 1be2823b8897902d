import { expect, test } from 'vitest'
import { PRESETS } from '../../src/authorization-server/presets.js'
import { fakeDaemon, run } from './run.js'

test('presets lists every known server, without a daemon', async () => {
  const daemon = await fakeDaemon()
  const { exitCode, stdout } = await run(daemon, ['presets'])
  expect(exitCode).toBe(0)
  for (const { name, title } of PRESETS)
    expect(stdout).toMatch(new RegExp(`^${name} .*${title.slice(0, 8)}`, 'm'))
  expect(daemon.calls).toEqual([])
})

test('presets NAME shows what it sets, what to register and what to run', async () => {
  const daemon = await fakeDaemon()
  const { stdout } = await run(daemon, ['presets', 'webmethods'])
  expect(stdout).toContain('"refresh_endpoint": "{base}/invoke/pub.oauth/refreshAccessToken"')
  expect(stdout).toContain('catchd profile add NAME --preset webmethods --base-url URL --client-id ID')
  const json = await run(daemon, ['presets', 'webmethods', '--json'])
  expect(JSON.parse(json.stdout)).toEqual(PRESETS.find(({ name }) => name === 'webmethods'))
})

test('a near miss gets a suggestion', async () => {
  const daemon = await fakeDaemon()
  const { exitCode, stdout, stderr } = await run(daemon, ['presets', 'webmethod'])
  expect({ exitCode, stdout }).toEqual({ exitCode: 7, stdout: '' })
  expect(stderr).toContain('Did you mean "webmethods"?')
})
