/** What the panels say, state by state. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../../src/failures.js'
import type { DaemonStatus } from '../../../src/http/api/services.js'
import type { Overview, ProfileOverview } from '../../../src/http/dashboard/overview.js'
import { activityPanel } from '../../../src/http/dashboard/panels/activity-panel.js'
import { alerts, healthPanel } from '../../../src/http/dashboard/panels/health-panel.js'
import { keysPanel } from '../../../src/http/dashboard/panels/keys-panel.js'
import { profilesPanel } from '../../../src/http/dashboard/panels/profiles-panel.js'
import { waitingPanel } from '../../../src/http/dashboard/panels/waiting-panel.js'
import { barLeft, timeLeft } from '../../../src/http/dashboard/time-left.js'
import { NOW_MS } from '../../support/composed-daemon.js'
import { pendingLogin } from '../../support/pending-login.js'

const HOUR = 3_600_000

const STATUS: DaemonStatus = {
  version: '1.2.3',
  pid: 42,
  started_at: '2025-12-31T23:00:00Z',
  listeners: {
    redirect: ['http://127.0.0.1:8252'],
    socket: '/x/catchd.sock',
    tcp: 'http://127.0.0.1:7636',
    tcp_error: null,
  },
  vault: { kind: 'keychain', engine: 'keytar', health: 'ok', unsaved: [] },
  config: { path: '/x/config.jsonc', ok: true, error: null },
  profiles: 1,
  logins_pending: 0,
  locked: false,
  lock_error: null,
}

const PROFILE: ProfileOverview = {
  name: 'gw',
  entry: { issuer: 'https://id.example.com', client_id: 'catchd' },
  status: 'logged_in',
  expiresAtMs: NOW_MS + HOUR / 2,
  scope: 'email profile',
  subject: 'ada',
  loginNeededAtMs: NOW_MS + 48 * HOUR,
  obtainedAtMs: NOW_MS - HOUR / 2,
  canRefresh: true,
  failing: null,
  failure: null,
  trouble: undefined,
}

function overview(changes: Partial<Overview> = {}): Overview {
  return {
    nowMs: NOW_MS,
    profiles: [PROFILE],
    waiting: [],
    hints: new Map(),
    keys: [],
    recent: [],
    status: STATUS,
    ...changes,
  }
}

/** A card as text, markup and spaces taken away. */
const cardOf = (changes: Partial<ProfileOverview>) =>
  profilesPanel(overview({ profiles: [{ ...PROFILE, ...changes }] })).toString()
const wordsOf = (markup: { toString(): string }) =>
  markup
    .toString()
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()

test('many profiles can be searched, few cannot', () => {
  const several = (count: number) =>
    profilesPanel(
      overview({
        profiles: Array.from({ length: count }, (_, index) => ({ ...PROFILE, name: `p${index}` })),
      }),
    ).toString()
  expect(several(8)).not.toContain('id="find"')
  expect(several(9)).toContain('id="find"')
})

describe('a profile', () => {
  test('shows status, account, server, scopes, time left, when a person is needed and the last refresh', () => {
    const words = wordsOf(cardOf({}))
    for (const part of [
      'gw Logged in ada at id.example.com',
      '30 min 0 s left until 1 January 2026, 00:30 UTC',
      'Scopes email profile Next login in 2 days Last refresh 30 minutes ago',
    ]) {
      expect(words).toContain(part)
    }
    expect(cardOf({})).toContain('<progress max="1000" value="500"')
  })

  test.each<[string, Partial<ProfileOverview>, string[], string[]]>([
    ['whose server does not say how long', { expiresAtMs: null }, ['does not say how long'], ['<progress']],
    [
      'whose server does not say when a person is needed',
      { loginNeededAtMs: null },
      ['unknown: the server does not say'],
      [],
    ],
    [
      'without tokens',
      {
        status: 'login_required',
        obtainedAtMs: null,
        expiresAtMs: null,
        loginNeededAtMs: NOW_MS,
        canRefresh: false,
      },
      ['Login required', 'No token is stored.', '<strong>now</strong>', 'data-action="login"'],
      ['data-action="refresh"', 'data-action="logout"', 'Scopes', 'Last refresh'],
    ],
    ['that expired', { status: 'expired', expiresAtMs: NOW_MS - 1 }, ['Expired', 'value="0"', 'nothing'], []],
    ['that waits', { status: 'login_pending' }, ['Waiting for you'], []],
    [
      'whose refresh failed',
      { trouble: { code: 'provider_unreachable', atMs: NOW_MS - 60_000 } },
      [
        'The authorization server cannot be reached',
        '<code>catchd doctor gw</code>',
        'the current tokens were issued',
      ],
      [],
    ],
    [
      'that needs no person',
      { entry: { token_endpoint: 'https://id.example.com/t', grant: 'client_credentials' } },
      ['No login needed', 'never', 'data-action="refresh"'],
      ['data-action="login"'],
    ],
    ['with bound tokens', { entry: { dpop: true } }, ['catchd proxy gw'], ['catchd token gw']],
    ['whose server did not say its scope', { scope: null }, ['the server does not say'], []],
  ])('%s says so', (_name, changes, present, absent) => {
    const markup = cardOf(changes)
    for (const part of present) expect(markup).toContain(part)
    for (const part of absent) expect(markup).not.toContain(part)
  })

  test('what comes from a server is text, not markup', () => {
    const markup = cardOf({ subject: '<img src=x onerror=alert(1)>', scope: '"><script>alert(1)</script>' })
    expect(markup).not.toMatch(/<img|<script/)
    expect(markup).toContain('&lt;img src=x onerror=alert(1)&gt;')
  })
})

test('without profiles it says how one is added', () => {
  const markup = profilesPanel(overview({ profiles: [] })).toString()
  expect(markup).toContain('data-action="add-profile"')
  expect(markup).toContain('catchd login https://')
})

test('profiles that cannot be read are their failure, and the rest stands', () => {
  const failure = new CatchdError('vault_locked')
  expect(wordsOf(profilesPanel(overview({ profiles: failure })))).toBe(
    'The keychain is locked Run next: catchd vault status',
  )
})

test.each<[string, Partial<DaemonStatus>, RegExp]>([
  [
    'a locked keychain',
    { vault: { ...STATUS.vault, health: 'locked' } },
    /keychain is locked.*catchd vault status/,
  ],
  [
    'a vault that is gone',
    { vault: { ...STATUS.vault, health: 'unavailable' } },
    /cannot be used.*catchd doctor/,
  ],
  ['unsaved tokens', { vault: { ...STATUS.vault, unsaved: ['gw'] } }, /tokens of gw are only in memory/],
  [
    'a bad file',
    { config: { path: '/x', ok: false, error: '3:5: a comma' } },
    /3:5: a comma.*catchd profile edit/,
  ],
  [
    'no listener',
    { listeners: { ...STATUS.listeners, redirect: [] } },
    /catchd cannot receive authorization responses/,
  ],
])('%s stands above everything', (_name, changes, expected) => {
  expect(wordsOf(alerts(overview({ status: { ...STATUS, ...changes } })))).toMatch(expected)
})

test('when all is well nothing stands above, and the health says what is', () => {
  expect(alerts(overview()).toString()).toBe('')
  expect(wordsOf(healthPanel(overview()))).toBe(
    'Vault keychain (keytar) ok Redirects http://127.0.0.1:8252 listening API http://127.0.0.1:7636 listening Socket /x/catchd.sock Configuration /x/config.jsonc in use Daemon 1.2.3, process 42, started 60 minutes ago',
  )
})

test('a waiting login does not say where it goes on', () => {
  const login = pendingLogin()
  const hints = new Map([[login.id, 'Too many <cookies>.\n  http://127.0.0.1:8252/callback/gw']])
  const markup = waitingPanel(overview({ waiting: [login], hints })).toString()
  expect(markup).toContain('<small>Too many &lt;cookies&gt;.</small>')
  expect(markup).toContain('<code>http://127.0.0.1:8252/callback/gw</code>')
  expect(wordsOf(markup)).toContain('10 min 0 s left')
  expect(markup).not.toContain(login.authorizationUrl)
})

test('a key says what it may do, and when it was used', () => {
  const key = {
    name: 'ci',
    hash: Buffer.from('hash'),
    profiles: ['gw', 'corp'],
    actions: ['token' as const],
    createdAtMs: NOW_MS,
    expiresAtMs: NOW_MS - 1,
  }
  const keys = [{ key, lastUsedAtMs: NOW_MS - 60_000 }]
  expect(wordsOf(keysPanel(overview({ keys })))).toMatch(
    /^ci token gw, corp last used 60 seconds ago , Expired Remove ci$/,
  )
})

test('what happened is told in words, with its cause', () => {
  const recent = [
    { event: 'token.refresh_failed', profile: 'gw', code: 'provider_refused', atMs: NOW_MS },
    { event: 'something.new', client: 'ci', atMs: NOW_MS },
  ]
  expect(wordsOf(activityPanel(overview({ recent })))).toBe(
    'gw refresh failed, catchd will try again The authorization server refused just now ci something.new just now',
  )
})

test.each([
  [-1, 'nothing'],
  [999, 'nothing'],
  [1_000, '1 s'],
  [59_999, '59 s'],
  [60_000, '1 min 0 s'],
  [HOUR - 1, '59 min 59 s'],
  [HOUR, '1 h 0 min'],
  [48 * HOUR - 1, '47 h 59 min'],
  [48 * HOUR, '2 days'],
])('%i ms are %s', (ms, words) => {
  expect(timeLeft(NOW_MS + ms, NOW_MS)).toBe(words)
})

test.each([
  [0, 100, 50, 500],
  [0, 100, -50, 1_000],
  [0, 100, 150, 0],
  [100, 100, 0, 0],
])('of a bar from %i to %i at %i is left %i', (from, until, now, left) => {
  expect(barLeft(from, until, now)).toBe(left)
})
