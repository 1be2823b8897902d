import { expect, test } from 'vitest'
import { unsetCommand, withoutVariables } from '../../src/text/without-variables.js'

test.each([
  ['linux', '/bin/bash', 'unset CATCHD_A CATCHD_B'],
  ['darwin', '/bin/zsh', 'unset CATCHD_A CATCHD_B'],
  ['linux', '/usr/bin/fish', 'set -e CATCHD_A CATCHD_B'],
  ['linux', undefined, 'unset CATCHD_A CATCHD_B'],
  ['win32', undefined, 'Remove-Item Env:CATCHD_A, Env:CATCHD_B'],
] as const)('on %s with the shell %s: %s', (platform, SHELL, command) => {
  expect(unsetCommand(['CATCHD_A', 'CATCHD_B'], { platform, env: { SHELL } })).toBe(command)
})

test('a command without a variable', () => {
  expect(withoutVariables(['EDITOR'], 'catchd profile edit', { platform: 'linux' })).toBe(
    'env -u EDITOR catchd profile edit',
  )
  expect(withoutVariables(['EDITOR'], 'catchd profile edit', { platform: 'win32' })).toBe(
    'Remove-Item Env:EDITOR; catchd profile edit',
  )
})
