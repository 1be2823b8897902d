/** The URL that a person copies from a browser on another machine. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { pastedResponse } from '../../src/login/pasted-response.js'
import { pendingLogin } from '../support/pending-login.js'

const AT = 'http://localhost:8252/callback/gw'
const LOGIN = pendingLogin({ redirectUri: AT })
const STATE = LOGIN.state.reveal()
const RESPONSE = `code=c-1&state=${STATE}`

function paste(text: string, redirectUri = AT) {
  const response = pastedResponse(text, { ...LOGIN, redirectUri }, LOGIN.state)
  return response.kind === 'code' ? [response.code.reveal(), response.state?.reveal()] : response.kind
}

describe('is taken', () => {
  test.each([
    ['as it is', `${AT}?${RESPONSE}`],
    ['with https, to which a browser changed it', `https://localhost:8252/callback/gw?${RESPONSE}`],
    ['without its scheme, which the address bar hides', `localhost:8252/callback/gw?${RESPONSE}`],
    ['with blanks around', `  ${AT}?${RESPONSE}\t\r\n`],
    ['in quotes', `"${AT}?${RESPONSE}"`],
    ['in single quotes', `'${AT}?${RESPONSE}'`],
    ['in angle brackets', `<${AT}?${RESPONSE}>`],
    ['as Markdown code', `\`${AT}?${RESPONSE}\``],
    ['in typographic quotes', `“${AT}?${RESPONSE}”`],
    ['in brackets and quotes', `("${AT}?${RESPONSE}")`],
    [
      'in more brackets than the stack has room for',
      `${'('.repeat(20_000)}${AT}?${RESPONSE}${')'.repeat(20_000)}`,
    ],
    ['wrapped by a terminal', `${AT}?code=c-\n1&sta\r\nte=${STATE}`],
    ['of the source of the page', `view-source:${AT}?${RESPONSE}`],
    ['at the end of a sentence', `${AT}?${RESPONSE}.`],
    ['before a comma', `${AT}?${RESPONSE},`],
    ['with a fragment that a server adds', `${AT}?${RESPONSE}#_=_`],
    ['with the response in the fragment', `${AT}#${RESPONSE}`],
    ['in capitals where they do not count', `HTTP://LOCALHOST:8252/callback/gw?${RESPONSE}`],
  ])('%s', (_how, text) => {
    expect(paste(text)).toEqual(['c-1', STATE])
  })

  test('with the port that a scheme leaves out', () => {
    expect(paste(`https://localhost/cb?${RESPONSE}`, 'http://localhost/cb')).toEqual(['c-1', STATE])
  })

  test('with http where https is registered', () => {
    expect(paste(`http://localhost:8252/cb?${RESPONSE}`, 'https://localhost:8252/cb')).toEqual(['c-1', STATE])
  })

  test("beside the redirect URI's own query", () => {
    const redirectUri = 'http://localhost/cb?tenant=1'
    for (const text of [
      `${redirectUri}&${RESPONSE}`,
      `${redirectUri}?${RESPONSE}`,
      `${redirectUri}#${RESPONSE}`,
    ])
      expect(paste(text, redirectUri)).toEqual(['c-1', STATE])
  })

  test('a full stop stays where it may belong to the code', () => {
    expect(paste(`${AT}?state=${STATE}&code=c-1.`)).toEqual(['c-1.', STATE])
  })
})

describe('is refused', () => {
  test.each([
    ['another host', `http://evil.example:8252/callback/gw?${RESPONSE}`],
    ['the other name of this machine', `http://127.0.0.1:8252/callback/gw?${RESPONSE}`],
    ['a longer name', `http://localhost.evil.example:8252/callback/gw?${RESPONSE}`],
    ['a user name that looks like the host', `http://localhost:8252@evil.example/callback/gw?${RESPONSE}`],
    ['another port', `http://localhost:8253/callback/gw?${RESPONSE}`],
    ['the path of another profile', `http://localhost:8252/callback/other?${RESPONSE}`],
    ['a page of the browser', `chrome-error://localhost:8252/callback/gw?${RESPONSE}`],
    ['the authorization URL', `https://id.example.com/authorize?redirect_uri=${encodeURIComponent(AT)}`],
  ])('%s', (_what, text) => {
    expect(() => paste(text)).toThrow(`is not a URL that begins with ${AT}.`)
  })

  test.each(['4/0AbCdEf-x_y', RESPONSE, `?${RESPONSE}`, 'c-1', ''])('only a part: %j', (text) => {
    expect(() => paste(text)).toThrow(`which begins with ${AT}. The code alone is not enough.`)
  })

  test('without being repeated', () => {
    try {
      paste(`http://evil.example/?${RESPONSE}`)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(CatchdError)
      expect(String(error)).not.toMatch(/c-1|canary/)
    }
  })
})
