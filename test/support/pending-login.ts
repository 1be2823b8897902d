/** A pending login as it stands in memory, for tests of what is made of it. */
import type { PendingLogin } from '../../src/login/login.js'
import { Secret } from '../../src/secret.js'

const NOW_MS = Date.parse('2026-01-01T00:00:00Z')

export function pendingLogin(changes: Partial<PendingLogin> = {}): PendingLogin {
  return {
    id: 'login-1',
    profile: 'gw',
    status: 'pending',
    kind: 'code',
    scope: null,
    redirectUri: 'http://127.0.0.1:8252/callback/gw',
    createdAtMs: NOW_MS,
    expiresAtMs: NOW_MS + 600_000,
    state: new Secret('state-canary-19d2'),
    codeVerifier: new Secret('verifier-canary-aa01'),
    nonce: null,
    authorizationUrl: 'https://id.example.com/authorize?client_id=catchd',
    origin: { authorizationServer: 'https://id.example.com', clientId: 'catchd' },
    expectedIssuer: null,
    issRequired: false,
    responseMode: 'query',
    stateEcho: true,
    codeParameter: 'code',
    listen: null,
    certificate: null,
    ...changes,
  }
}
