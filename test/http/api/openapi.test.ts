import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { OPENAPI_FILE, renderOpenApi } from '../../../scripts/generate-openapi.js'
import { openApi } from './opened-api.js'

const ROOT = resolve(import.meta.dirname, '../../..')

test('the description in the repository is current (npm run generate)', async () => {
  expect(readFileSync(join(ROOT, OPENAPI_FILE), 'utf8')).toBe(await renderOpenApi())
})

test('it is served, describes every route and refers to nothing that is missing', async () => {
  const { call } = await openApi()
  const served = (await call('GET', '/openapi.json')).json(
    z.looseObject({ paths: z.record(z.string(), z.json()) }),
  )
  expect(served).toEqual(JSON.parse(readFileSync(join(ROOT, OPENAPI_FILE), 'utf8')))
  expect(served['openapi']).toBe('3.1.0')
  const schemas = (served['components'] as { schemas: object }).schemas
  const references = JSON.stringify(served).matchAll(/"#\/components\/schemas\/(\w+)"/g)
  const named = new Set([...references].map((match) => match[1]))
  expect([...named].sort()).toEqual(Object.keys(schemas).sort())
})

test('the generator is not loaded by the program', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  for (const file of sources.filter((name) => name.endsWith('.ts'))) {
    expect(readFileSync(join(ROOT, 'src', file), 'utf8'), file).not.toContain("'@fastify/swagger'")
  }
})
