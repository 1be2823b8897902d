import { expect, test } from 'vitest'
import { findSocketPath } from '../../src/client/socket-path.js'
import { resolveFolders } from '../../src/config/folders.js'

const ENVIRONMENTS: NodeJS.ProcessEnv[] = [
  {},
  { XDG_RUNTIME_DIR: '/run/user/7' },
  { XDG_RUNTIME_DIR: 'relative' },
  { XDG_STATE_HOME: '/var/state' },
  { XDG_STATE_HOME: 'relative' },
  { XDG_RUNTIME_DIR: '/run/user/7', XDG_STATE_HOME: '/var/state' },
  { CATCHD_HOME: '/srv/catchd' },
  { CATCHD_HOME: '/srv/x/../catchd/' },
  { CATCHD_HOME: '/srv/catchd', XDG_RUNTIME_DIR: '/run/user/7' },
]
const PLATFORMS: NodeJS.Platform[] = ['linux', 'win32', 'freebsd']

test.each(PLATFORMS.flatMap((platform) => ENVIRONMENTS.map((env) => ({ platform, env }))))(
  'the socket is where the configuration room puts it: %o',
  ({ platform, env }) => {
    const system = { platform, homeFolder: '/home/ada', env }
    const folders = resolveFolders({ home: env['CATCHD_HOME'] }, system)
    expect(findSocketPath(system)).toBe(folders.socketPath)
  },
)

test('on macOS it is in the folder for application data', () => {
  const system = { platform: 'darwin' as const, homeFolder: '/Users/ada', env: {} }
  expect(findSocketPath(system)).toBe('/Users/ada/Library/Application Support/catchd/catchd.sock')
})
