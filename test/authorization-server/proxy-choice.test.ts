/** Which requests take which proxy, and what of the variables may be told. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { proxyFor } from '../../src/authorization-server/proxy-choice.js'
import { CatchdError } from '../../src/failures.js'

const SERVER = new URL('https://id.example.com/token')
const PROXY = { HTTPS_PROXY: 'http://proxy.corp:3128' }

const hostOf = (url: string | URL, env: NodeJS.ProcessEnv) => proxyFor(new URL(url), env)?.host

describe('the variables', () => {
  test.each([
    ['none', {}, undefined],
    ['an empty one', { HTTPS_PROXY: '', https_proxy: ' ' }, undefined],
    ['HTTPS_PROXY', { HTTPS_PROXY: 'http://a:1' }, 'a:1'],
    ['https_proxy before HTTPS_PROXY', { HTTPS_PROXY: 'http://a:1', https_proxy: 'http://b:2' }, 'b:2'],
    ['ALL_PROXY', { ALL_PROXY: 'http://a:1' }, 'a:1'],
    ['HTTP_PROXY alone', { HTTP_PROXY: 'http://a:1' }, 'a:1'],
    [
      'HTTPS_PROXY before the others',
      { http_proxy: 'http://c:3', all_proxy: 'socks5://b:2', HTTPS_PROXY: 'a:1' },
      'a:1',
    ],
    ['no scheme', { HTTPS_PROXY: 'proxy.corp:3128' }, 'proxy.corp:3128'],
    ['no scheme, with a password', { HTTPS_PROXY: 'me:secret@proxy.corp:3128' }, 'proxy.corp:3128'],
    ['an IPv6 address', { HTTPS_PROXY: 'http://[2001:db8::1]:3128/' }, '[2001:db8::1]:3128'],
  ])('%s', (_, env, host) => {
    expect(hostOf(SERVER, env)).toBe(host)
  })

  test('a port that is not named is the one of the scheme', () => {
    expect(proxyFor(SERVER, { HTTPS_PROXY: 'http://p' })).toMatchObject({ isSecure: false, port: 80 })
    expect(proxyFor(SERVER, { HTTPS_PROXY: 'https://p' })).toMatchObject({ isSecure: true, port: 443 })
    expect(proxyFor(SERVER, { HTTPS_PROXY: 'https://[::1]:9' })).toMatchObject({ hostname: '::1', port: 9 })
  })

  test.each([
    ['me:secret@', 'me:secret'],
    ['me@', 'me:'],
    ['me%40corp:p%3Aq%20r@', 'me@corp:p:q r'],
    ['me:100%@', 'me:100%'],
  ])('the user name and password of http://%sproxy are sent as Basic', (userinfo, credentials) => {
    const { authorization } = proxyFor(SERVER, { HTTPS_PROXY: `http://${userinfo}proxy:3128` }) ?? {}
    expect(authorization?.reveal()).toBe(`Basic ${Buffer.from(credentials).toString('base64')}`)
  })

  test('and shown nowhere else', () => {
    const proxy = proxyFor(SERVER, { HTTPS_PROXY: 'http://me:canary@proxy:3128' })
    expect(`${inspect(proxy, { depth: 9 })} ${JSON.stringify(proxy)}`).not.toMatch(/canary|Y2FuYXJ5/)
  })

  test.each([
    ['socks5://me:canary@proxy:1080', 'socks5 proxy'],
    ['http://me:canary@', 'not the URL of a proxy'],
    ['http://me:can/ary@proxy:3128', 'not the URL of a proxy'],
    ['http://me:12#canary@proxy:3128', 'percent-encoded'],
    ['http://me:12/canary@proxy:3128', 'percent-encoded'],
  ])('%s is refused, not passed over, and not repeated', (HTTPS_PROXY, why) => {
    const refused = () => proxyFor(SERVER, { HTTPS_PROXY })
    expect(refused).toThrow(CatchdError)
    expect(refused).toThrow(why)
    expect(refused).toThrow('HTTPS_PROXY')
    expect(refused).not.toThrow(/canary|ary@|12/)
    expect(proxyFor(new URL('https://127.0.0.1:1'), { HTTPS_PROXY })).toBeUndefined()
  })
})

test.each(['127.0.0.1:8', '127.9.9.9', 'localhost', 'a.localhost', '[::1]:8'])(
  '%s is reached directly',
  (host) => {
    expect(hostOf(`https://${host}/token`, PROXY)).toBeUndefined()
  },
)

describe('NO_PROXY', () => {
  test.each([
    ['*', 'id.example.com', true],
    ['id.example.com', 'id.example.com', true],
    ['ID.Example.com.', 'id.example.com', true],
    ['example.com', 'id.example.com', true],
    ['.example.com', 'id.example.com', true],
    ['*.example.com', 'id.example.com', true],
    ['example.com', 'badexample.com', false],
    ['id.example.com', 'example.com', false],
    ['other.example, example.com', 'id.example.com', true],
    ['other.example example.com', 'id.example.com', true],
    ['example.com:443', 'id.example.com', true],
    ['example.com:8443', 'id.example.com', false],
    ['example.com:8443', 'id.example.com:8443', true],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.30', false],
    ['1.2.3', '10.1.2.3', false],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['10.0.0.0/99', '10.1.2.3', false],
    ['10.0.0.0/8', 'id.example.com', false],
    ['2001:db8::/32', '[2001:db8::5]', true],
    ['2001:db8::5', '[2001:db8::5]', true],
    ['[2001:db8::5]:443', '[2001:db8:0::5]', true],
    ['2001:db8::6', '[2001:db8::5]', false],
    ['', 'id.example.com', false],
  ])('%j and %s: reached directly: %s', (noProxy, host, isDirect) => {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      const chosen = hostOf(`https://${host}/token`, { ...PROXY, [name]: noProxy })
      expect(chosen === undefined, name).toBe(isDirect)
    }
  })
})
