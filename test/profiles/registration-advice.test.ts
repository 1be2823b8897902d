/** What the user can run where catchd cannot register a client. */
import { expect, test } from 'vitest'
import { nextWithClient } from '../../src/profiles/registration-advice.js'

test.each([
  [{ url: 'https://mcp.example.com/mcp' }, 'catchd login https://mcp.example.com/mcp --client-id CLIENT_ID'],
  [
    { url: 'https://a.example/mcp?x=1&y=2', profile: 'a', scope: 'one two' },
    "catchd login 'https://a.example/mcp?x=1&y=2' --name a --scope 'one two' --client-id CLIENT_ID",
  ],
])('the command works in a shell as printed: %j', (asked, command) => {
  expect(nextWithClient(asked)).toBe(command)
})
