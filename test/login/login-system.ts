/** All kinds of logins as the daemon has them, over fakes; every event is kept, so that a test can search it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { Catches } from '../../src/login/catches.js'
import { DeviceLogins } from '../../src/login/device-logins.js'
import type { RedirectListeners } from '../../src/login/doorway.js'
import { LoginJournal } from '../../src/login/journal.js'
import { LoginService } from '../../src/login/login-service.js'
import { LoginStore } from '../../src/login/login-store.js'
import { Logins } from '../../src/login/logins.js'
import type { LoginEvent } from '../../src/login/ports.js'
import { RedirectDesk } from '../../src/login/redirect-desk.js'
import { FakeAuthorizationServers, testProfile } from '../support/fake-authorization-servers.js'
import { FakeVault } from '../support/fake-vault.js'
import { ManualClock } from '../support/manual-clock.js'

export const REDIRECT_URI = 'http://127.0.0.1:8252/callback/gw'

export class FakeListeners implements RedirectListeners {
  readonly held: string[] = []
  trouble: CatchdError | null = null

  async acquire(redirectUri: string) {
    if (this.trouble !== null) throw this.trouble
    const bound = redirectUri.replace(':0/', ':40000/')
    this.held.push(bound)
    return { redirectUri: bound, release: () => void this.held.splice(this.held.indexOf(bound), 1) }
  }
}

export function startLogins(...changed: Partial<Profile>[]) {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-logins-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const clock = new ManualClock()
  const vault = new FakeVault()
  const servers = new FakeAuthorizationServers()
  const listeners = new FakeListeners()
  const all = (changed.length === 0 ? [{}] : changed).map((changes) => testProfile(changes))
  const profiles = new Map(all.map((profile) => [profile.name, profile]))
  const kept: string[] = []
  const opened: string[] = []
  const events: LoginEvent[] = []
  const profileOf = (name: string) => {
    const found = profiles.get(name)
    if (found === undefined) throw new CatchdError('profile_unknown')
    return found
  }
  const make = () => {
    const journal = new LoginJournal(join(folder, 'logins.journal'))
    journal.open()
    const parts = {
      clock,
      vault,
      servers,
      tokens: {
        logoutGeneration: () => 0,
        prepareStore: () => {},
        keep: async (profile: string, set: { accessToken: { reveal(): string } }) => {
          kept.push(`${profile}:${set.accessToken.reveal()}`)
        },
      },
      profiles: { profile: profileOf, issRequired: () => false },
      openBrowser: async (url: string) => void opened.push(url),
      describeVault: () => 'memory',
      log: (event: LoginEvent) => void events.push(event),
    }
    const store = new LoginStore(vault, journal)
    const redirected = new LoginService({ ...parts, store, listeners, timeoutSeconds: 600 })
    const sharer = (redirectUri: string) =>
      [...profiles.values()].find((profile) => profile.redirect_uri === redirectUri)?.name ??
      (redirected.responseModes(redirectUri).size > 0 ? 'a login' : undefined)
    const catches = new Catches({ ...parts, listeners, sharer, timeoutSeconds: 600 })
    const desk = new RedirectDesk(redirected, catches)
    const logins = new Logins(redirected, new DeviceLogins(parts), catches, profileOf)
    return { logins, desk, answer: desk.answer.bind(desk) }
  }
  return { clock, vault, servers, listeners, profiles, kept, opened, events, restart: make, ...make() }
}

export const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof CatchdError ? error.code : String(error)),
  )
