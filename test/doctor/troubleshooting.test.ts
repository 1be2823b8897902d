/** docs/troubleshooting.md speaks of every code, and of none that does not exist. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FAILURES } from '../../src/failures.js'

const page = readFileSync(join(import.meta.dirname, '../../docs/troubleshooting.md'), 'utf8')

test('each code of the catalogue has its section', () => {
  const sections = [...page.matchAll(/^### (.+)$/gm)].map((match) => match[1])
  const codes = sections.filter((title) => /^[a-z_]+$/.test(title ?? ''))
  expect(codes.sort()).toEqual(Object.keys(FAILURES).sort())
})
