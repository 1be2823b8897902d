import { expect, test } from 'vitest'
import { findAdminKeyPath, findSocketPath } from '../../src/listener/socket-path.js'

const STATE = '/home/ada/.local/state/catchd/catchd.sock'
const RUNTIME = { XDG_RUNTIME_DIR: '/run/user/7' }

test.each<[NodeJS.Platform, NodeJS.ProcessEnv, path: string]>([
  ['linux', {}, STATE],
  ['linux', { XDG_RUNTIME_DIR: 'relative', XDG_STATE_HOME: 'relative' }, STATE],
  ['linux', { XDG_STATE_HOME: '/var/state' }, '/var/state/catchd/catchd.sock'],
  ['linux', { ...RUNTIME, XDG_STATE_HOME: '/var/state' }, '/run/user/7/catchd/catchd.sock'],
  ['freebsd', RUNTIME, '/run/user/7/catchd/catchd.sock'],
  ['linux', { ...RUNTIME, CATCHD_HOME: '/srv/x/../catchd/' }, '/srv/catchd/run/catchd.sock'],
  ['darwin', { CATCHD_HOME: '/srv/catchd' }, '/srv/catchd/run/catchd.sock'],
  ['darwin', RUNTIME, '/home/ada/Library/Application Support/catchd/catchd.sock'],
  ['win32', {}, '\\\\.\\pipe\\catchd-93c56a135fe6bb84'],
])('%s with %o', (platform, env, path) => {
  expect(findSocketPath({ platform, homeFolder: '/home/ada', env })).toBe(path)
})

test.each<[NodeJS.ProcessEnv, path: string]>([
  [{ CATCHD_HOME: '/srv/x/../catchd/', LOCALAPPDATA: '/local' }, '/srv/catchd/state/admin.key'],
  // As env-paths has the folder for data on Windows, which src/config/folders.ts uses.
  [{ LOCALAPPDATA: '/local' }, '/local/catchd/Data/admin.key'],
  [{}, '/home/ada/AppData/Local/catchd/Data/admin.key'],
])('the admin key with %o', (env, path) => {
  expect(findAdminKeyPath({ platform: 'win32', homeFolder: '/home/ada', env })).toBe(path)
})
