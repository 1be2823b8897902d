/** Whole logins with every preset at an emulator of its vendor, which knows the vendor's rules and not the preset. */
import { describe, expect, test } from 'vitest'
import { redirectObjection, registeredRedirectUri } from '../../src/config/presets/registration.js'
import { PRESETS, type Preset } from '../../src/config/presets.js'
import { LOOPBACK, type Vendor } from './vendor.js'
import { VENDORS } from './vendors.js'
import { deviceLogin, wholeLogin } from './whole-login.js'

const named = (vendor: Vendor) =>
  vendor.variant === undefined ? vendor.preset : `${vendor.preset} (${vendor.variant})`

const KINDS: Readonly<Record<Preset['client'], Vendor['clients']>> = {
  public: ['public'],
  confidential: ['confidential'],
  either: ['public', 'confidential'],
}

test('every preset has a vendor, and every vendor a preset', () => {
  const vendors = new Set(VENDORS.map(({ preset }) => preset))
  expect([...vendors].sort()).toEqual(PRESETS.map(({ name }) => name).sort())
  expect(new Set(VENDORS.map(named)).size).toBe(VENDORS.length)
})

test.each(PRESETS.map((preset) => [preset.name, preset] as const))(
  '%s says in which document it was read, and when',
  (_name, { source, checked }) => {
    expect(new URL(source).protocol).toBe('https:')
    expect(checked).toMatch(/^20\d\d-[01]\d-[0-3]\d$/)
    expect(Date.parse(checked)).toBeLessThan(Date.parse('2100-01-01'))
  },
)

const LOGINS = VENDORS.flatMap((vendor) =>
  vendor.clients.map((kind) => [named(vendor), kind, vendor] as const),
)

test.each(LOGINS)('%s: a whole login of a %s client', async (_name, kind, vendor) => {
  await wholeLogin(vendor, kind)
})

const DEVICES = VENDORS.filter(({ device }) => device !== undefined).map(
  (vendor) => [named(vendor), vendor] as const,
)

test.each(DEVICES)('%s: a whole login with a device code', async (_name, vendor) => {
  await deviceLogin(vendor)
})

describe.each(VENDORS.map((vendor) => [named(vendor), vendor] as const))('%s', (_name, vendor) => {
  const preset = PRESETS.find(({ name }) => name === vendor.preset)
  if (preset === undefined) throw new Error(`There is no preset ${vendor.preset}.`)

  test('registers the kinds of client that the preset says', () => {
    expect(vendor.clients).toEqual(KINDS[preset.client])
  })

  test.each(LOOPBACK)('takes http://%s exactly when the preset says so', (host) => {
    const redirectUri = `http://${host}:8252/callback/work`
    const registered = registeredRedirectUri(preset, redirectUri)
    const isTaken = vendor.redirect(new URL(redirectUri), registered)
    expect(redirectObjection(preset, redirectUri) === undefined).toBe(isTaken)
  })

  test('takes another port exactly when the preset says so', () => {
    const host = LOOPBACK.find((name) => preset.redirect.refuses?.includes(name) !== true)
    const at = (port: number) => `http://${host}:${port}/callback/work`
    const isTaken = vendor.redirect(new URL(at(9000)), registeredRedirectUri(preset, at(8252)))
    expect(isTaken).toBe(host !== undefined && preset.redirect.match !== 'exact')
  })
})
