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

test('the paths of the table in the docs are described under the same names', () => {
  const { paths } = z
    .object({ paths: z.record(z.string(), z.record(z.string(), z.json())) })
    .parse(JSON.parse(readFileSync(join(ROOT, OPENAPI_FILE), 'utf8')))
  const described = Object.entries(paths).flatMap(([path, calls]) =>
    Object.keys(calls).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(described).toEqual(
    expect.arrayContaining([
      'GET /v1/tokens/{profile}',
      'POST /v1/tokens/{profile}/refresh',
      'POST /v1/tokens/{profile}/proof',
      'DELETE /v1/tokens/{profile}',
      'POST /v1/logins',
      'GET /v1/logins/{id}',
      'POST /v1/logins/{id}/response',
      'DELETE /v1/logins/{id}',
      'GET /v1/profiles',
      'GET /v1/profiles/{profile}',
      'PUT /v1/profiles/{profile}',
      'DELETE /v1/profiles/{profile}',
      'GET /v1/clients',
      'GET /v1/clients/{client}',
      'POST /v1/clients',
      'DELETE /v1/clients/{client}',
      'GET /v1/status',
      'GET /v1/events',
      'GET /openapi.json',
    ]),
  )
})

test('the generator is not loaded by the program', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  for (const file of sources.filter((name) => name.endsWith('.ts'))) {
    expect(readFileSync(join(ROOT, 'src', file), 'utf8'), file).not.toContain("'@fastify/swagger'")
  }
})
