/** What the panels say, state by state. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../../src/failures.js'
import type { DaemonStatus, HappenedEvent } from '../../../src/http/api/services.js'
import type { Overview, ProfileOverview } from '../../../src/http/dashboard/overview.js'
import { activityPanel } from '../../../src/http/dashboard/panels/activity-panel.js'
import { alerts, healthPanel } from '../../../src/http/dashboard/panels/health-panel.js'
import { keysPanel } from '../../../src/http/dashboard/panels/keys-panel.js'
import { FIRST_VIEW, type ProfilesView } from '../../../src/http/dashboard/panels/profile-groups.js'
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
  vault: { kind: 'keychain', engine: 'keytar', health: 'ok', reason: null, next: null, unsaved: [] },
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
  loggedInAtMs: NOW_MS - HOUR,
  canRefresh: true,
  failing: null,
  refused: null,
  failure: null,
  registeredRedirectUri: 'http://127.0.0.1:8252/callback/gw',
}
const WITHOUT_TOKENS = {
  status: 'login_required',
  obtainedAtMs: null,
  loggedInAtMs: null,
  expiresAtMs: null,
  subject: null,
  scope: null,
  loginNeededAtMs: NOW_MS,
  canRefresh: false,
} as const

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

/** The only profile, which is open. */
const cardOf = (changes: Partial<ProfileOverview>) =>
  profilesPanel(overview({ profiles: [{ ...PROFILE, ...changes }] })).toString()
const wordsOf = (markup: { toString(): string }) =>
  markup
    .toString()
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()

const named = (name: string, changes: Partial<ProfileOverview> = {}): ProfileOverview => ({
  ...PROFILE,
  name,
  ...changes,
})
const failure = new CatchdError('provider_unreachable')

describe('the list', () => {
  const MIXED = [
    named('ready-10'),
    named('ready-9'),
    named('gone', { failing: { sinceMs: NOW_MS, failure } }),
    named('asked', { status: 'login_pending' }),
    named('old', { status: 'expired', subject: 'grace' }),
    named('corrupt', { ...WITHOUT_TOKENS, failure: new CatchdError('vault_unavailable') }),
    named('new', WITHOUT_TOKENS),
    named('machine', { entry: { grant: 'client_credentials', token_endpoint: 'https://m.example/t' } }),
    named('broken-machine', {
      entry: { grant: 'client_credentials', token_endpoint: 'https://m.example/t' },
      ...WITHOUT_TOKENS,
      failing: { sinceMs: NOW_MS, failure },
    }),
  ]
  const list = (profiles: readonly ProfileOverview[], view: Partial<ProfilesView> = {}) =>
    profilesPanel(overview({ profiles }), { ...FIRST_VIEW, ...view }).toString()
  const rowsOf = (markup: string) => [...markup.matchAll(/<h3>([^<]*)<\/h3>/g)].map(([, name]) => name)
  const many = (count: number) => Array.from({ length: count }, (_, index) => named(`p${index}`))

  test('begins with what needs a person, and is sorted by name within', () => {
    expect(rowsOf(list(MIXED))).toEqual([
      'corrupt',
      'new',
      'old',
      'asked',
      'broken-machine',
      'gone',
      'machine',
      'ready-9',
      'ready-10',
    ])
  })

  test.each<[string, Partial<ProfilesView>, string[]]>([
    ['the state', { group: 'login' }, ['corrupt', 'new', 'old']],
    ['the state, in its words', { find: 'expired' }, ['old']],
    ['a part of the name, in any case', { find: ' READY ' }, ['ready-9', 'ready-10']],
    ['the server', { find: 'm.example' }, ['broken-machine', 'machine']],
    ['the account', { find: 'grace' }, ['old']],
    ['both', { find: 'm.example', group: 'failing' }, ['broken-machine']],
    ['nothing that is there', { find: 'nothing' }, []],
  ])('finds by %s', (_what, view, expected) => {
    const markup = list(MIXED, view)
    expect(rowsOf(markup)).toEqual(expected)
    if (expected.length === 0) expect(markup).toContain('data-action="show-all"')
  })

  test('counts the states that are there, of what the search finds', () => {
    const filters = (view: Partial<ProfilesView>) =>
      [...list(MIXED, view).matchAll(/aria-pressed="(\w+)">([^<]*) <span class="count">(\d+)/g)].map(
        ([, pressed, ...words]) => [pressed === 'true' ? '*' : '', ...words].join(' ').trim(),
      )
    expect(filters({})).toEqual(['* All 9', 'Login required 3', 'Waiting 1', 'Refresh failing 2', 'Ready 3'])
    expect(filters({ find: 'ready', group: 'waiting' })).toEqual(['All 2', '* Waiting 0', 'Ready 2'])
  })

  test('has a search and filters only if there are many', () => {
    expect(list(many(8))).not.toMatch(/id="find"|data-action="filter"/)
    expect(list(many(9))).toMatch(/id="find".*data-action="filter"/s)
  })

  test('opens the only profile, and of many none', () => {
    expect(list(many(1))).toContain('data-profile="p0" open')
    expect(list(many(2))).not.toContain(' open')
    // The page has decided: the server opens and closes nothing any more.
    expect(list(many(1), { open: new Set() })).not.toContain('data-action="edit-profile"')
    const markup = list(many(3), { open: new Set(['p1']) })
    expect(markup).not.toContain(' open')
    expect(
      [...markup.matchAll(/data-action="edit-profile" data-subject="(\w+)"/g)].map(([, name]) => name),
    ).toEqual(['p1'])
  })

  test('of a thousand is bounded, and says how many more there are', () => {
    const markup = list(many(1_000))
    expect(rowsOf(markup)).toHaveLength(50)
    expect(markup.length).toBeLessThan(100_000)
    expect(wordsOf(markup)).toContain('50 of 1000 profiles are shown. Show 50 more')
    expect(rowsOf(list(many(70), { most: 50 }))).toHaveLength(50)
    expect(wordsOf(list(many(70), { most: 50 }))).toContain('Show 20 more')
    expect(wordsOf(list(many(1_000), { most: 500 }))).toContain('Use the search to find the others.')
  })

  test.each<[string, Partial<ProfileOverview>, string | null, string]>([
    ['logged in', {}, null, 'login needed in 2 days'],
    ['that lasts', { loginNeededAtMs: null }, null, 'expires in 30 minutes'],
    ['of unknown lifetime', { loginNeededAtMs: null, expiresAtMs: null }, null, 'expiry unknown'],
    ['without tokens', WITHOUT_TOKENS, 'login', ''],
    ['expired', { status: 'expired', expiresAtMs: NOW_MS - HOUR }, 'login', 'expired 60 minutes ago'],
    ['failing', { failing: { sinceMs: NOW_MS, failure } }, 'refresh', 'login needed in 2 days'],
    ['waiting', { status: 'login_pending' }, null, 'login needed in 2 days'],
    ['locked', { status: 'locked', obtainedAtMs: null }, null, ''],
  ])('a closed row that is %s has at most one button', (_what, changes, action, when) => {
    const markup = list([named('gw', changes), named('other')])
    const row = markup.split('<li data-key="profile-').find((part) => part.startsWith('gw')) ?? ''
    expect(/class="quick">(?:<button[^>]*data-action="([\w-]+)")?/.exec(row)?.[1] ?? null).toBe(action)
    expect(wordsOf(/class="when">(.*?)<\/span><\/summary>/s.exec(row)?.[1] ?? '')).toBe(when)
  })
})

describe('a profile', () => {
  test('shows status, account, server, scopes, time left, logins, the last refresh and the redirect URI', () => {
    const words = wordsOf(cardOf({}))
    for (const part of [
      'gw ada at id.example.com Logged in login needed in 2 days',
      '30 min 0 s left, until 1 January 2026, 00:30 UTC',
      'Scopes email profile Last login 60 minutes ago Next login in 2 days Last refresh 30 minutes ago',
      'Redirect URI http://127.0.0.1:8252/callback/gw Copy the redirect URI of gw',
    ]) {
      expect(words).toContain(part)
    }
    expect(cardOf({})).toContain('max="1000" value="500"')
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
      'that was not refreshed since the login',
      { loggedInAtMs: NOW_MS - HOUR / 2 },
      ['none since the login'],
      [],
    ],
    ['of an earlier version', { loggedInAtMs: null }, ['<dd>unknown</dd>'], ['Last login']],
    [
      'without tokens',
      WITHOUT_TOKENS,
      ['Login required', 'none is stored', '<strong>now</strong>', 'data-action="login"'],
      ['data-action="refresh"', 'data-action="logout"', 'Scopes', 'Last refresh', '<dt>Account'],
    ],
    ['that expired', { status: 'expired', expiresAtMs: NOW_MS - 1 }, ['Expired', 'value="0"', 'nothing'], []],
    ['that waits', { status: 'login_pending' }, ['Waiting for you'], []],
    [
      'whose refresh fails',
      {
        failing: {
          sinceMs: NOW_MS - 300_000,
          failure: new CatchdError('provider_unreachable', { profile: 'gw' }),
        },
      },
      [
        'Refresh failing',
        'Every refresh fails. The first one failed',
        '5 minutes ago',
        'The authorization server cannot be reached',
        '<code>catchd doctor gw</code>',
      ],
      [],
    ],
    [
      'whose refresh token is dead',
      {
        status: 'expired',
        refused: new CatchdError('login_required', { detail: 'It is dead.', profile: 'gw' }),
      },
      ['It is dead.', '<code>catchd login gw</code>'],
      [],
    ],
    [
      'that needs no person',
      {
        entry: { token_endpoint: 'https://id.example.com/t', grant: 'client_credentials' },
        registeredRedirectUri: null,
      },
      ['No login needed', 'data-action="refresh"'],
      ['data-action="login"', 'Next login', 'Redirect URI'],
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
  expect(markup).toContain('catchd init')
  expect(markup).toContain('catchd login https://')
})

test('profiles that cannot be read are their failure, and the rest stands', () => {
  const failure = new CatchdError('vault_locked')
  expect(wordsOf(profilesPanel(overview({ profiles: failure })))).toBe(
    'The vault is locked Run next: catchd vault status',
  )
})

test.each<[string, Partial<DaemonStatus>, RegExp]>([
  [
    'a locked keychain',
    { vault: { ...STATUS.vault, health: 'locked', reason: 'The keychain is locked.', next: 'unlock' } },
    /The keychain is locked\. catchd still serves.*unlock/,
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
    'Vault keychain (keytar) ok Redirects http://127.0.0.1:8252 API http://127.0.0.1:7636 Socket /x/catchd.sock Configuration /x/config.jsonc Daemon 1.2.3, process 42, started 60 minutes ago',
  )
})

test('a waiting login does not say where it goes on', () => {
  const login = pendingLogin()
  const hints = new Map([[login.id, 'Too many <cookies>.\n  http://127.0.0.1:8252/callback/gw']])
  const markup = String(waitingPanel(overview({ waiting: [login], hints })))
  expect(markup).toContain('<small class="note">Too many &lt;cookies&gt;.</small>')
  expect(wordsOf(markup)).toContain('10 min 0 s left')
  expect(markup).not.toContain(login.authorizationUrl)
})

test.each([
  ['only a cause', 'A cause.', ['A cause.'], undefined],
  [
    'a cause with its value',
    'A cause.\nRegister:\n  http://x/cb',
    ['A cause.', 'Register:', 'http://x/cb'],
    undefined,
  ],
  [
    'more causes',
    'A cause.\nRegister:\n  http://x/cb\nOr this.\nOr that.',
    ['A cause.', 'Register:', 'http://x/cb'],
    'Or this. Or that.',
  ],
  ['more causes without a value', 'A cause.\nOr this.', ['A cause.'], 'Or this.'],
])(
  'the hint of a waiting login shows the likeliest cause, and folds the others: %s',
  (_name, hint, first, folded) => {
    const login = pendingLogin()
    const markup = String(waitingPanel(overview({ waiting: [login], hints: new Map([[login.id, hint]]) })))
    const [shown = '', others] = markup.split('<details>')
    for (const text of first) expect(wordsOf(shown)).toContain(text)
    expect(others && wordsOf(others)).toEqual(folded && expect.stringContaining(folded))
  },
)

test('a vault that nobody chose says why, without an alarm', () => {
  const reason = 'There is no keychain. Tokens are stored in the sealed file.'
  const vault = { ...STATUS.vault, kind: 'file', engine: 'sealed', reason, next: 'catchd doctor' }
  const told = overview({ status: { ...STATUS, vault } })
  expect(alerts(told).toString()).toBe('')
  expect(wordsOf(healthPanel(told))).toContain(`ok ${reason} Run next: catchd doctor`)
})

test('five keys are shown, and the others are folded', () => {
  const keys = Array.from({ length: 21 }, (_, index) => ({
    key: {
      name: `k${index}`,
      hash: Buffer.from('hash'),
      profiles: ['gw'],
      actions: ['token' as const],
      createdAtMs: NOW_MS,
      expiresAtMs: null,
    },
    lastUsedAtMs: null,
  }))
  const [shown = '', folded = ''] = String(keysPanel(overview({ keys }))).split('<details')
  expect(shown.match(/data-key=/g)).toHaveLength(5)
  expect(folded.match(/data-key=/g)).toHaveLength(15)
  expect(wordsOf(`<details${folded}`)).toMatch(/^15 more .*1 more: catchd client list$/)
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

test('without a waiting login there is no panel, and of many the newest are shown', () => {
  expect(waitingPanel(overview())).toBeNull()
  const waiting = Array.from({ length: 25 }, () => pendingLogin())
  expect(wordsOf(String(waitingPanel(overview({ waiting }))))).toMatch(/15 more: catchd status$/)
})

describe('what happened', () => {
  const UNTIL = '2026-01-01T00:30:00Z'
  const told = (...recent: Omit<HappenedEvent, 'atMs'>[]) =>
    wordsOf(activityPanel(overview({ recent: recent.map((event) => ({ ...event, atMs: NOW_MS })) })))

  test.each<[Omit<HappenedEvent, 'atMs'>, string]>([
    [
      { event: 'token.refreshed', profile: 'gw', expires_at: UNTIL },
      'gw : refreshed, valid until 1 January 2026, 00:30 UTC',
    ],
    [
      { event: 'token.refreshed', profile: 'gw', expires_at: null },
      'gw : refreshed; the server does not say until when',
    ],
    [
      { event: 'login.succeeded', profile: 'gw', login_id: 'x', expires_at: UNTIL },
      'gw : logged in, valid until 1 January 2026, 00:30 UTC',
    ],
    [
      { event: 'token.refresh_failed', profile: 'gw', code: 'provider_refused' },
      'gw : refresh failed, catchd will try again The authorization server refused',
    ],
    [
      { event: 'client.added', client: 'ci', actions: ['token'], profiles: ['gw'] },
      'key ci created: token for gw',
    ],
    [
      {
        event: 'client.added',
        client: 'ci',
        actions: ['token', 'login'],
        profiles: ['a', 'b', 'c', 'd', 'e'],
      },
      'key ci created: token, login for a, b, c and 2 more',
    ],
    [
      { event: 'client.added', client: 'ci', actions: ['admin'], profiles: [] },
      'key ci created: all actions for all profiles',
    ],
    [{ event: 'client.removed', client: 'ci' }, 'key ci removed'],
    [{ event: 'configuration.changed', added: ['hub'], changed: [], removed: [] }, 'profile hub added'],
    [
      { event: 'configuration.changed', added: [], changed: ['a', 'b'], removed: ['c'] },
      'profiles a, b changed; profile c removed',
    ],
    [{ event: 'configuration.changed', added: [], changed: [], removed: [] }, 'Configuration changed'],
    [{ event: 'something.new', profile: 'gw' }, 'gw : something.new'],
  ])('%o', (event, words) => {
    expect(told(event)).toBe(`${words} just now`)
  })

  test('of a login only how far it has come', () => {
    expect(
      told(
        { event: 'login.claimed', profile: 'gw', login_id: 'two' },
        { event: 'login.succeeded', profile: 'gw', login_id: 'one' },
        { event: 'login.begun', profile: 'gw', login_id: 'two' },
        { event: 'login.begun', profile: 'gw', login_id: 'one' },
      ),
    ).toBe('gw : response received, redeeming the code just now gw : logged in just now')
  })

  test('is bounded', () => {
    const recent = Array.from({ length: 60 }, () => ({
      event: 'token.refreshed',
      profile: 'gw',
      atMs: NOW_MS,
    }))
    expect([...activityPanel(overview({ recent })).toString().matchAll(/<li/g)]).toHaveLength(10)
  })
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
