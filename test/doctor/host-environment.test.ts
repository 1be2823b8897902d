/** Where the browser is, by what the system says, and what is advised there. */
import { describe, expect, test } from 'vitest'
import { type HostEnvironment, loginAdvice, settingOf } from '../../src/doctor/host-environment.js'

const DEBIAN = '6.1.0-40-amd64'
const WSL2 = '5.15.167.4-microsoft-standard-WSL2'
const WSL1 = '4.4.0-19041-Microsoft'
const SSH = { SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22' }

const at = (facts: Partial<HostEnvironment>): HostEnvironment => ({
  platform: 'linux',
  env: {},
  kernelRelease: DEBIAN,
  isContainer: false,
  ...facts,
})

test.each([
  ['desktop', { env: { DISPLAY: ':0' } }],
  ['desktop', { env: { WAYLAND_DISPLAY: 'wayland-0' } }],
  ['desktop', { platform: 'darwin', kernelRelease: '24.1.0' }],
  ['desktop', { platform: 'win32', kernelRelease: '10.0.22631' }],
  ['desktop', { env: { ...SSH, DISPLAY: 'localhost:10.0' } }],
  ['desktop', { env: { DISPLAY: ':0' }, isContainer: true }],
  ['no_display', {}],
  ['no_display', { env: { DISPLAY: '' } }],
  ['ssh', { env: SSH }],
  ['ssh', { env: { SSH_TTY: '/dev/pts/1' } }],
  ['ssh', { env: SSH, platform: 'darwin' }],
  ['ssh', { env: { ...SSH, WSL_DISTRO_NAME: 'Debian' }, kernelRelease: WSL2 }],
  ['container', { isContainer: true }],
  ['container', { isContainer: true, kernelRelease: WSL2 }],
  ['ssh', { isContainer: true, env: SSH }],
  ['wsl2', { kernelRelease: WSL2 }],
  ['wsl2', { kernelRelease: WSL2, env: { DISPLAY: ':0', WAYLAND_DISPLAY: 'wayland-0' } }],
  ['wsl2', { kernelRelease: '6.6.0-own-build', env: { WSL_DISTRO_NAME: 'Debian' } }],
  ['wsl1', { kernelRelease: WSL1, env: { WSL_DISTRO_NAME: 'Debian' } }],
] as const)('%s: %j', (setting, facts) => {
  expect(settingOf(at(facts))).toBe(setting)
})

describe('the advice', () => {
  const URI = 'http://127.0.0.1:8252/callback/gw'
  const PASTE = 'catchd login NAME --paste'

  test.each([
    ['desktop', URI, undefined],
    ['wsl1', URI, undefined],
    ['ssh', URI, 'ssh -L 8252:127.0.0.1:8252 HOST'],
    ['ssh', 'http://localhost:3000/cb', 'ssh -L 3000:127.0.0.1:3000 HOST'],
    ['ssh', 'http://[::1]:3000/cb', 'ssh -L 3000:[::1]:3000 HOST'],
    ['ssh', 'https://localhost/cb', 'ssh -L 443:127.0.0.1:443 HOST'],
    ['ssh', 'http://127.0.0.1:0/cb', PASTE],
    ['ssh', 'https://tunnel.example/cb', undefined],
    ['container', URI, PASTE],
    ['no_display', URI, PASTE],
    ['wsl2', URI, PASTE],
  ] as const)('%s, %s: %s', (setting, redirectUri, next) => {
    const advice = loginAdvice(setting, redirectUri)
    expect(advice?.next).toBe(next)
    if (advice === undefined) return
    expect(advice.isNeeded).toBe(setting !== 'wsl2')
    expect(advice.detail).toMatch(/--paste|paste the final URL/)
  })

  test('names what makes the browser come back', () => {
    expect(loginAdvice('wsl2', URI)?.detail).toMatch(/localhostForwarding.*mirrored/)
    expect(loginAdvice('container', URI)?.detail).toContain('--network host')
    expect(loginAdvice('ssh', URI)?.detail).toContain('device grant')
  })
})
