/** `kill -9` at each step, as in crash.test.ts, on a real keyring. */
import { describe, test } from 'vitest'
import { playMatrix } from '../soak/short-matrix.js'
import { keyringReason } from '../support/keyring.js'

describe.skipIf(keyringReason !== undefined)('on a real keyring', () => {
  test('killed at each step', () => playMatrix('keychain'))
})
