/** The man page as a formatter of man pages sees it. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.js'
import { needs } from '../support/needs.js'

const PAGE = fileURLToPath(new URL('../../man/catchd.1', import.meta.url))

describe.skipIf(needs('groff') !== undefined)('man/catchd.1', () => {
  const { stdout, stderr, status } = spawnSync('groff', ['-ww', '-man', '-Tutf8', '-P-cbou', PAGE], {
    encoding: 'utf8',
  })

  test('renders without a warning', () => {
    expect([status, stderr]).toEqual([0, ''])
  })

  test.each(Object.keys(COMMANDS))('catchd %s stands there', (name) => {
    expect(stdout).toMatch(new RegExp(`^ +catchd ${name}\\b`, 'm'))
  })
})
