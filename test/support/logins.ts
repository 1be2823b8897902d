/** The logins as the daemon has them, over fakes at the edges; every event is kept, so that a test can search it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { StepJournal } from '../../src/journal/step-journal.js'
import { LockGate } from '../../src/lock/gate.js'
import type { PendingLogin } from '../../src/login/login.js'
import { LoginRecords } from '../../src/login/login-records.js'
import type { AnyLoginRequest } from '../../src/login/login-request.js'
import { Logins } from '../../src/login/logins.js'
import type { LoginEvent, RedirectListeners } from '../../src/login/ports.js'
import type { TokenSet } from '../../src/tokens/token-set.js'
import { FakeAuthorizationServers, testProfile } from './fake-authorization-servers.js'
import { FakeVault } from './fake-vault.js'
import { ManualClock } from './manual-clock.js'

export const REDIRECT_URI = 'http://127.0.0.1:8252/callback/gw'

/** Redirect listeners that bind nothing. */
export class FakeListeners implements RedirectListeners {
  readonly held: string[] = []
  trouble: CatchdError | null = null

  async acquire(redirectUri: string) {
    if (this.trouble !== null) throw this.trouble
    const bound = redirectUri.replace(':0/', ':40000/')
    this.held.push(bound)
    const release = () => void this.held.splice(this.held.indexOf(bound), 1)
    return { redirectUri: bound, missed: () => undefined, release }
  }
}

/** @param changed - What each profile differs in from the one of the tests; without any there is that one. */
export function startLogins(...changed: Partial<Profile>[]) {
  return startLoginsAt(new FakeListeners(), ...changed)
}

export function startLoginsAt<Listeners extends RedirectListeners>(
  listeners: Listeners,
  ...changed: Partial<Profile>[]
) {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-logins-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const clock = new ManualClock()
  const lock = new LockGate()
  const vault = new FakeVault()
  const servers = new FakeAuthorizationServers()
  const all = (changed.length === 0 ? [{}] : changed).map((changes) => testProfile(changes))
  const profiles = new Map(all.map((profile) => [profile.name, profile]))
  const kept: string[] = []
  const opened: string[] = []
  const events: LoginEvent[] = []
  const tokens = { trouble: null as CatchdError | null }
  const browser = { trouble: null as CatchdError | null }
  const profileOf = (name: string) => {
    const found = profiles.get(name)
    if (found === undefined) throw new CatchdError('profile_unknown')
    return found
  }
  /** One run of the daemon; what the run before left in vault and journal is there. */
  const run = () => {
    const journal = new StepJournal(join(folder, 'logins.journal'))
    journal.open()
    const logins = new Logins({
      clock,
      records: new LoginRecords(vault, journal),
      servers,
      listeners,
      tokens: {
        logoutGeneration: () => 0,
        prepareStore: () => {},
        async keep(profile: string, set: TokenSet) {
          if (tokens.trouble !== null) throw tokens.trouble
          kept.push(`${profile}:${set.accessToken.reveal()}`)
        },
      },
      profiles: { profile: profileOf, issRequired: () => false },
      lock,
      async openBrowser(url) {
        if (browser.trouble !== null) throw browser.trouble
        opened.push(url)
      },
      describeVault: () => 'memory',
      timeoutSeconds: () => 600,
      log: (event) => void events.push(event),
    })
    /** The profiles, and what else is configured, as they are now. */
    const configure = (...others: string[]) => {
      const ofProfiles = [...profiles.values()].map(({ name, redirect_uri: redirectUri }) => ({
        redirectUri,
        profile: name,
      }))
      const configured = others.map((redirectUri) => ({ redirectUri, profile: null }))
      logins.setConfiguredRedirectUris([...ofProfiles, ...configured])
    }
    configure()
    return {
      logins,
      configure,
      /** A login that ends at a redirect URI. */
      begin: (request: AnyLoginRequest = { profile: 'gw', open: false }) =>
        logins.begin(request) as Promise<PendingLogin>,
      answer: async (redirectUri: string, response: string) =>
        (await logins.answer(redirectUri, response, async () => {})).login,
    }
  }
  const scene = {
    lock,
    clock,
    vault,
    servers,
    listeners,
    profiles,
    kept,
    opened,
    events,
    tokens,
    browser,
    restart: run,
  }
  return { ...scene, ...run() }
}

/** A response of the authorization server to a login. */
export const codeResponse = (login: PendingLogin, extra = '') =>
  `code=c-1&state=${encodeURIComponent(login.state.reveal())}${extra}`

export const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof CatchdError ? error.code : String(error)),
  )
