/** Which addresses the documents of servers may name. */
import { describe, expect, test } from 'vitest'
import { mayLeadTo } from '../../src/authorization-server/published-document.js'

const REMOTE = 'https://id.example.com'
const LOCAL = 'http://127.0.0.1:4000'

describe('a remote server cannot direct requests at this machine', () => {
  test.each([
    ...['127.0.0.1', '127.1', '127.255.0.9', '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1.'],
    ...['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'a.b.localhost.', 'localhost.localdomain'],
    ...['0.0.0.0', '0', '[::]', '[::1]', '[0:0:0:0:0:0:0:1]', '[::127.0.0.1]', '[64:ff9b::127.0.0.1]'],
    ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::ffff:0.0.0.0]', '[::ffff:0:127.0.0.1]', 'ip6-localhost'],
  ])('%s', (host) => {
    expect(mayLeadTo(REMOTE, `https://${host}/token`)).toBe(false)
    expect(mayLeadTo(REMOTE, `http://${host}:8080/token`)).toBe(false)
  })

  test.each([
    'https://other.example',
    'https://localhost.example',
    'https://[2001:db8::1]',
    'https://10.0.0.1',
  ])('%s is not this machine', (url) => expect(mayLeadTo(REMOTE, url)).toBe(true))
})

test.each([
  ['http://127.0.0.1:5000/x', true],
  ['http://localhost:5000/x', true],
  ['https://id.example.com/x', true],
  ['https://a.localhost/x', true],
  // Plain http is for the literal names alone: what others are is decided by a resolver.
  ['http://a.localhost/x', false],
  ['http://localhost./x', false],
  ['http://[::ffff:127.0.0.1]/x', false],
  ['http://id.example.com/x', false],
])('a server on loopback may name %s: %s', (url, expected) => {
  expect(mayLeadTo(LOCAL, url)).toBe(expected)
})
