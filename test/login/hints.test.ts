/** The hint of a login that waits: what was noticed at once, and what to check after a while. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { codeResponse, REDIRECT_URI, startLogins } from '../support/logins.js'

const SILENCE_MS = 20_000

describe('a login at which nothing arrives', () => {
  test('has no hint before 20 s, and then names the redirect URI, where to register it, and other causes', async () => {
    const { logins, clock, begin } = startLogins({ preset: 'webmethods', client_id: 'client-1' })
    const { id } = await begin()
    await clock.pass(SILENCE_MS - 1)
    expect(logins.hint(id)).toBeNull()
    await clock.pass(1)
    const lines = logins.hint(id)?.split('\n') ?? []
    expect(lines[0]).toContain(`No response arrived at ${REDIRECT_URI}. If the browser shows an error page`)
    expect(lines[0]).toContain('client client-1. webMethods API Gateway: In the OAuth2 strategy')
    expect(lines.slice(1, 3)).toEqual([
      'Register exactly this at the server, then open the authorization URL again:',
      `  ${REDIRECT_URI}`,
    ])
    expect(lines.slice(3).join('\n')).toMatch(
      /client_id client-1.*\n.*another machine.*catchd login gw --paste\nIf no browser window appeared, open the authorization URL yourself\.$/,
    )
    await clock.pass(60_000)
    expect(logins.hint(id)?.split('\n')).toEqual(lines) // the same text, so that nobody is told twice
  })

  test('the host that the server refuses is the first cause', async () => {
    const { logins, clock, begin } = startLogins({
      preset: 'entra',
      redirect_uri: 'http://127.0.0.1:8252/cb',
    })
    const { id } = await begin()
    await clock.pass(SILENCE_MS)
    expect(logins.hint(id)?.split('\n')[0]).toMatch(/expects .*localhost.*catchd profile edit gw$/)
  })

  test('a profile that was pointed elsewhere meanwhile: nothing about a redirect URI that it no longer has', async () => {
    const { logins, clock, profiles, begin } = startLogins()
    const { id } = await begin()
    profiles.delete('gw')
    await clock.pass(SILENCE_MS)
    expect(logins.hint(id)).not.toContain('Register')
  })

  test('a device login names its code instead', async () => {
    const { logins, clock, begin } = startLogins({ grant: 'urn:ietf:params:oauth:grant-type:device_code' })
    const { id } = await begin()
    expect(logins.hint(id)).toBeNull()
    await clock.pass(SILENCE_MS)
    expect(logins.hint(id)).toMatch(/^The code \S+ has not been entered yet\. Enter it at:\n {2}https:\S+$/)
  })

  test('a catch names the redirect URI that the tool must ask for', async () => {
    const { logins, clock } = startLogins()
    const { id } = await logins.begin({
      redirectUri: 'http://127.0.0.1:3000/cb',
      state: new Secret('s'.repeat(16)),
    })
    await clock.pass(SILENCE_MS)
    expect(logins.hint(id)).toMatch(
      /^No authorization response has arrived at http:\/\/127\.0\.0\.1:3000\/cb yet\./,
    )
  })

  test('while the code is redeemed, the redirect URI is not blamed', async () => {
    const { logins, clock, servers, begin, answer } = startLogins()
    let issue = () => {}
    const slow = new Promise<void>((resolve) => {
      issue = resolve
    })
    const { redeem } = servers
    servers.redeem = async (...request) => {
      await slow
      return redeem.apply(servers, request)
    }
    const login = await begin()
    const settled = answer(REDIRECT_URI, codeResponse(login))
    await clock.pass(2 * SILENCE_MS)
    expect([logins.find(login.id)?.status, logins.hint(login.id)]).toEqual(['exchanging', null])
    issue()
    await settled
    expect(logins.hint(login.id)).toBeNull()
  })
})

describe('a response at another address', () => {
  const ELSEWHERE = 'http://127.0.0.1:8252/callback'

  test('with the state of the login is the cause, now and at its end', async () => {
    const { logins, clock, begin, servers } = startLogins()
    const login = await begin()
    logins.noticeElsewhere(ELSEWHERE, codeResponse(login))
    const hint = logins.hint(login.id)
    expect(hint).toContain(`came to another address than ${REDIRECT_URI}`)
    await clock.pass(SILENCE_MS)
    expect(logins.hint(login.id)).toBe(hint)
    await clock.pass(600_000)
    const over = logins.find(login.id)
    expect(over).toMatchObject({
      status: 'expired',
      failure: { message: expect.stringContaining(hint ?? '?') },
    })
    expect(over).toHaveProperty('report.causes', [])
    expect(servers.redeemed).toEqual([])
  })

  test('is refused with the address at which its login waits', async () => {
    const { configure, begin, answer } = startLogins()
    configure(ELSEWHERE)
    const login = await begin()
    await expect(answer(ELSEWHERE, codeResponse(login))).rejects.toMatchObject({
      code: 'state_unknown',
      message: expect.stringContaining(`waits at ${REDIRECT_URI}`),
    })
  })

  test.each([
    ['another state', ELSEWHERE, 'code=c-1&state=other'],
    ['no state', undefined, 'code=c-1'],
    ['nothing', undefined, ''],
  ])('%s says nothing about the login', async (_name, at, encoded) => {
    const { logins, begin } = startLogins()
    const login = await begin()
    logins.noticeElsewhere(at, encoded)
    expect(logins.hint(login.id)).toBeNull()
  })

  test('at its own address it is not elsewhere', async () => {
    const { logins, begin } = startLogins()
    const login = await begin()
    logins.noticeElsewhere(REDIRECT_URI, codeResponse(login))
    expect(logins.hint(login.id)).toBeNull()
  })
})

describe('a browser that cannot be opened', () => {
  const WHY = 'Browser command not found: nosuch (from CATCHD_BROWSER).'

  test('is said at once, with what to do, and stays above what is said later', async () => {
    const scene = startLogins()
    scene.browser.trouble = new CatchdError('internal', { detail: WHY, next: 'this' })
    const { id } = await scene.logins.begin({ profile: 'gw', open: true })
    await scene.clock.pass(0)
    const told = `${WHY} Open the authorization URL yourself.\nTo use another browser, run: this`
    expect(scene.logins.hint(id)).toBe(told)
    expect(scene.logins.find(id)?.status).toBe('pending')
    await scene.clock.pass(SILENCE_MS)
    const later = scene.logins.hint(id) ?? ''
    expect(later.startsWith(`${told}\nNo response arrived at`)).toBe(true)
    expect(later).not.toContain('If no browser window appeared')
  })
})
