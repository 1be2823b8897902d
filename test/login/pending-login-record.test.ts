/** The certificate of a pending login, over a restart of the daemon. */
import { expect, test } from 'vitest'
import { parsePendingLogin, serialisePendingLogin } from '../../src/login/pending-login-record.js'
import { Secret } from '../../src/secret.js'
import { pendingLogin } from '../support/pending-login.js'

const certificate = { certificateFile: '/c/cert.pem', privateKeyFile: '/c/key.pem' }

test.each([null, certificate])('%j comes back', (given) => {
  const item = serialisePendingLogin(pendingLogin({ certificate: given }))
  expect(parsePendingLogin(item)?.certificate).toEqual(given)
})

test('a record that an earlier program left behind still counts, without a certificate', () => {
  const { certificate: _later, ...earlier } = JSON.parse(serialisePendingLogin(pendingLogin()).reveal())
  expect(parsePendingLogin(new Secret(JSON.stringify(earlier)))).toMatchObject({
    id: 'login-1',
    certificate: null,
  })
})
