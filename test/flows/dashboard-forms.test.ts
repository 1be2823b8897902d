/**
 * The form of a profile in a real browser, on the built program: it says what to register, asks for what the preset
 * needs, and shows each mistake at its field without losing what was typed.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { withoutChromium } from '../support/browser.js'
import { type Crowd, startCrowd } from './dashboard-crowd.js'
import { card, dashboardScene, opened, SOON } from './dashboard-scene.js'

describe.skipIf(withoutChromium !== undefined)('the form of a profile', () => {
  const { enter } = dashboardScene()
  let crowd: Crowd
  beforeAll(async () => {
    crowd = await startCrowd()
    await crowd.populate(1)
    return () => crowd.close()
  })

  async function form() {
    const { page, complaints } = await enter(crowd.daemon, {
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    await page.getByRole('button', { name: 'Add a profile' }).click()
    const dialog = page.getByRole('dialog')
    const uri = () => dialog.locator('#registration-uri').textContent()
    const fields = async () => {
      const shown = await dialog.locator('.field:visible label').allTextContents()
      return shown.filter((label) => ['Base URL', 'Issuer', 'Client secret'].includes(label))
    }
    return { page, dialog, uri, fields, complaints, save: dialog.getByRole('button', { name: 'Save' }) }
  }
  const defaultUri = (name: string) => crowd.daemon.redirectUri(name)

  test('shows the redirect URI for the typed name, and copies it', async () => {
    const { page, dialog, uri, complaints } = await form()
    await dialog.getByText('Enter a name to see the redirect URI').waitFor()
    expect(await dialog.getByRole('button', { name: 'Copy the redirect URI' }).isVisible()).toBe(false)
    await dialog.getByLabel('Name').fill('hub')
    await expect.poll(uri).toBe(defaultUri('hub'))
    await dialog.getByRole('button', { name: 'Copy the redirect URI' }).click()
    await page.getByText('Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(defaultUri('hub'))
    await dialog.getByLabel('Name').fill('Not A Name')
    await dialog.getByText('Enter a name to see the redirect URI').waitFor()
    await dialog.getByText('More settings').click()
    await dialog.getByLabel('Redirect URI', { exact: true }).fill('http://localhost:3000/cb')
    await expect.poll(uri).toBe('http://localhost:3000/cb')
    await dialog.getByLabel('Redirect URI', { exact: true }).fill('')
    await dialog.getByLabel('Name').fill('hub')
    await dialog.getByLabel('Other settings').fill('{"extends": "calendar"}')
    await dialog.getByText('The redirect URI is inherited from calendar.').waitFor()
    expect(complaints).toEqual([])
  })

  test('a preset is found by its title, names the profile, and decides which fields there are', async () => {
    const { dialog, uri, fields } = await form()
    const preset = dialog.getByLabel('Preset')
    await expect.poll(fields).toEqual(['Issuer', 'Client secret'])
    await preset.fill('webMethods api gateway')
    await preset.blur()
    expect(await preset.inputValue()).toBe('webmethods')
    await expect.poll(fields).toEqual(['Base URL', 'Client secret'])
    await expect.poll(uri).toBe(defaultUri('webmethods'))
    await dialog
      .locator('#registration-where')
      .getByText(/^webMethods API Gateway: ./)
      .waitFor()
    await preset.fill('ebay')
    await dialog.getByText('eBay accepts no redirect URI').waitFor()
    await expect.poll(fields).toEqual(['Client secret'])
    expect(await uri()).toBe('')
    await preset.fill('')
    await expect.poll(fields).toEqual(['Issuer', 'Client secret'])
  })

  test('asks for what the preset needs, and keeps what was typed', async () => {
    const { page, dialog, save } = await form()
    await dialog.getByLabel('Name').fill('shop')
    await dialog.getByLabel('Preset').fill('webmethods')
    await dialog.getByLabel('Client ID').fill('abc')
    await dialog.getByLabel('Client secret').fill('typed-secret')
    await expect.poll(() => dialog.getByLabel('Base URL').getAttribute('required')).not.toBeNull()
    await save.click()
    await dialog.getByText('Base URL must not be empty.').waitFor()
    const base = dialog.getByLabel('Base URL')
    expect(await base.getAttribute('aria-invalid')).toBe('true')
    const [described = ''] = (await base.getAttribute('aria-describedby'))?.split(' ') ?? []
    expect(await dialog.locator(`#${described}`).textContent()).toBe('Base URL must not be empty.')
    expect(await page.evaluate('document.activeElement.id')).toBe('profile-base_url')

    await base.fill('http://gw.example.com')
    await save.click()
    await dialog
      .locator('#profile-other-error, #profile-base_url-error')
      .getByText(/must begin with https/)
      .waitFor()
    expect(await dialog.getByLabel('Client secret').inputValue()).toBe('typed-secret')
    await base.fill('https://gw.example.com')
    await save.click()
    await page.getByText('Added: shop').waitFor(SOON)
    expect(await page.evaluate("document.querySelector('#profile-client_secret').value")).toBe('')

    // A session must not send the stored secret to another server. The refusal is at the field.
    await (await opened(page, 'shop')).getByRole('button', { name: 'Edit' }).click()
    await base.fill('https://evil.example')
    await save.click()
    await dialog.getByText('The dashboard cannot change').waitFor()
    expect(await page.evaluate("document.activeElement.getAttribute('aria-invalid')")).toBe('true')
    const { json } = await crowd.daemon.api('GET', '/v1/profiles/shop')
    expect(json).toMatchObject({ configuration: { base_url: 'https://gw.example.com' } })
    await page.keyboard.press('Escape')
    await card(page, 'shop').getByText('gw.example.com').first().waitFor()
  })

  test('a mistake in a setting without a field is shown at the other settings, in view', async () => {
    const { page, dialog, save } = await form()
    await page.setViewportSize({ width: 390, height: 500 })
    await dialog.getByLabel('Name').fill('odd')
    await dialog.getByLabel('Issuer').fill('https://id.example.com')
    await dialog.getByLabel('Client ID').fill('abc')
    await dialog.getByText('More settings').click()
    const other = dialog.getByLabel('Other settings')
    await other.fill('{"listen": "0.0.0.0:80"}')
    await dialog.getByText('More settings').click()
    await save.click()
    const error = dialog.locator('#profile-other-error')
    await error.getByText('listen must be a loopback host:port').waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('profile-other')
    const box = await error.boundingBox()
    const footer = await dialog.locator('.footer').boundingBox()
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(footer?.y ?? 0)
    await other.fill('[]')
    await save.click()
    await error.getByText('must be a JSON object').waitFor()
  })

  test('a key: all profiles are one explicit choice, of many some are found', async () => {
    await crowd.populate(100)
    const { page } = await enter(crowd.daemon)
    await page.getByRole('button', { name: 'Create a key' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('0 of 100 chosen').waitFor()
    await dialog.getByLabel('Find a profile').fill('team-1')
    await dialog.getByLabel('team-12').check()
    await dialog.getByText('1 of 100 chosen').waitFor()
    await dialog.getByLabel('All 100 profiles that exist now').check()
    await dialog.getByText('100 of 100 chosen').waitFor()
    await dialog.getByLabel('team-12').uncheck()
    expect(await dialog.getByLabel('All 100 profiles').isChecked()).toBe(false)
    await dialog.getByLabel('Name').fill('most')
    await dialog.getByRole('button', { name: 'Make the key' }).click()
    await dialog.getByText('Choose at least one action.').waitFor()
    expect(await page.evaluate('document.activeElement.name')).toBe('actions')
    await dialog.getByLabel('Log in to them').check()
    await dialog.getByRole('button', { name: 'Make the key' }).click()
    await page.getByRole('heading', { name: 'Copy the key now' }).waitFor()
    const { json } = await crowd.daemon.api('GET', '/v1/clients/most')
    expect(json['actions']).toEqual(['login'])
    expect(json['profiles']).toHaveLength(99)
  })
})
