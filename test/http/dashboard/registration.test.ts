/** What the form of a profile says that is not saved yet: the redirect URI to register, where, and what the preset needs. */
import { expect, test } from 'vitest'
import { freePort } from '../../support/free-port.js'
import { callAs, enteredApi, outcome } from './entered.js'

const DEFAULT = 'http://127.0.0.1:8252/callback/hub'

test('the page is told what to register, and what the preset needs', async () => {
  const port = String(await freePort())
  const api = await enteredApi({ env: { CATCHD_REDIRECT_PORT: port } })
  const told = async (query: Record<string, string>) => {
    const { status, body } = await callAs(api, 'GET', `/dashboard/registration?${new URLSearchParams(query)}`)
    expect(status).toBe(200)
    return JSON.parse(body) as Record<string, unknown>
  }
  const uri = (text: string) => text.replace('8252', port)
  const rows: [query: Record<string, string>, expected: object][] = [
    [{ profile: 'hub' }, { named: true, redirect_uri: uri(DEFAULT), objection: null, preset: null }],
    [{}, { named: false, redirect_uri: null }],
    [{ profile: 'Not A Name' }, { named: false, redirect_uri: null }],
    [{ profile: 'a/../b' }, { named: false, redirect_uri: null }],
    [{ redirect_uri: 'http://localhost:3000/cb' }, { named: true, redirect_uri: 'http://localhost:3000/cb' }],
    [{ profile: 'hub', redirect_uri: 'http://127.0.0.1:0/cb' }, { redirect_uri: null }],
    [
      { profile: 'hub', preset: 'nothing' },
      { redirect_uri: uri(DEFAULT), preset: null },
    ],
    [
      { profile: 'hub', extends: 'gw' },
      { redirect_uri: null, objection: null },
    ],
    [
      { profile: 'hub', preset: 'webmethods' },
      { redirect_uri: uri(DEFAULT), preset: expect.objectContaining({ base_url: 'needed' }) },
    ],
    [
      { profile: 'hub', preset: 'github' },
      {
        redirect_uri: 'http://127.0.0.1/callback/hub',
        preset: expect.objectContaining({ title: 'GitHub', base_url: 'optional', client: 'confidential' }),
      },
    ],
    [
      { profile: 'hub', preset: 'hubspot' },
      {
        redirect_uri: uri('http://localhost:8252/callback/hub'),
        preset: expect.objectContaining({ base_url: 'unused' }),
      },
    ],
    [
      { profile: 'hub', preset: 'ebay' },
      {
        redirect_uri: null,
        objection: expect.stringContaining('eBay accepts no redirect URI that begins with http://127.0.0.1'),
        preset: expect.objectContaining({ options: '--authorization-redirect-uri RUNAME' }),
      },
    ],
  ]
  for (const [query, expected] of rows)
    expect(await told(query), JSON.stringify(query)).toMatchObject(expected)
})

test.each([
  '/dashboard/panels?most=501',
  '/dashboard/panels?most=0',
  '/dashboard/panels?group=others',
  `/dashboard/panels?find=${'x'.repeat(2_049)}`,
  `/dashboard/panels?open=${'x'.repeat(8_193)}`,
  `/dashboard/registration?preset=${'x'.repeat(2_049)}`,
])('%.40s is refused', async (target) => {
  expect(outcome(await callAs(await enteredApi(), 'GET', target))).toEqual([400, 'request_invalid'])
})

test('a panel shows what the page asks for, and reflects nothing', async () => {
  const api = await enteredApi()
  const panels = async (query: string) => (await callAs(api, 'GET', `/dashboard/panels?${query}`)).body
  expect(await panels('open=corp')).toContain('data-action="edit-profile" data-subject="corp"')
  expect(await panels('open=')).not.toContain('edit-profile')
  const markup = await panels(`find=${encodeURIComponent('<script>alert(1)</script>')}&open=x%22onload%3D`)
  expect(markup).not.toMatch(/alert\(1|onload/)
})
