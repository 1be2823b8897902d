/** What the user can run where catchd cannot register a client. */
import { expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { byHand } from '../../src/profiles/registration-advice.js'

const refusal = new CatchdError('provider_refused', { error: 'access_denied' })

test.each([
  ['https://mcp.example.com/mcp', 'catchd login https://mcp.example.com/mcp --client-id CLIENT_ID'],
  ['https://a.example/mcp?x=1&y=2', "catchd login 'https://a.example/mcp?x=1&y=2' --client-id CLIENT_ID"],
])('the command works in a shell as printed: %s', (url, command) => {
  expect(byHand(refusal, 'http://127.0.0.1:8252/callback/a', url).next).toBe(command)
})
