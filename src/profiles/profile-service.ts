/**
 * Shows and edits profiles for the API: the configuration of each profile, and whether it is logged in. Secrets are
 * never shown (profile-mask.ts).
 */
import type { DpopProofs, ResourceIssuerMemory, ServerDiscovery } from '../authorization-server/port.js'
import type { Clock } from '../clock.js'
import { usesRedirectUri } from '../config/grants.js'
import { registeredRedirectUri } from '../config/presets/registration.js'
import { findPreset } from '../config/presets.js'
import type { Profile, ProfileEntry } from '../config/profile.js'
import type { ConfigurationStore, EditCheck } from '../config/store.js'
import type { CatchdError } from '../failures.js'
import type { LockGate } from '../lock/gate.js'
import type { Logins } from '../login/logins.js'
import { Secret } from '../secret.js'
import { nextLogin } from '../tokens/next-login.js'
import type { FoundTokens, TokenKeeper } from '../tokens/token-keeper.js'
import { canRenew, loginRequired } from '../tokens/token-life.js'
import { isUnreadable } from '../tokens/token-set.js'
import { itemName, type Vault } from '../vault/vault.js'
import { masked, unmasked } from './profile-mask.js'
import { refuseMovedSecrets, refuseNewSources } from './session-edits.js'

export type ProfileStatusName = 'logged_in' | 'login_required' | 'login_pending' | 'expired' | 'locked'

export interface ProfileView {
  readonly name: string
  /** The entry as configured; a secret is replaced by its source. */
  readonly entry: ProfileEntry
  readonly status: ProfileStatusName
  readonly expiresAtMs: number | null
  readonly scope: string | null
  readonly subject: string | null
  /** When the next login is needed, as far as known now; `null`: unknown or never. */
  readonly loginNeededAtMs: number | null
  /** When a login or a refresh brought the tokens; `null`: there are none. */
  readonly obtainedAtMs: number | null
  /** When the login was that brought the first tokens; `null`: there are none, or it is not known. */
  readonly loggedInAtMs: number | null
  /** Whether catchd can get new tokens without a login. */
  readonly canRefresh: boolean
  /** Since when every refresh has failed, and why; `null`: none has failed since the last success. */
  readonly failing: FoundTokens['failing']
  /** Why the refresh token must not be sent any more; `null`: nothing speaks against it. */
  readonly refused: CatchdError | null
  /** Why the stored token set cannot be read; the other profiles are not affected. */
  readonly failure: CatchdError | null
  /** As it has to be entered at the server; `null`: nothing has to be entered. */
  readonly registeredRedirectUri: string | null
}

/** A profile, and whether the call created it. */
export interface ProfileResult {
  readonly view: ProfileView
  readonly created: boolean
}

export interface ProfileServiceParts {
  readonly configuration: ConfigurationStore
  readonly keeper: TokenKeeper
  readonly logins: Logins
  readonly vault: Vault
  readonly lock: LockGate
  readonly clock: Clock
  readonly servers: Pick<DpopProofs, 'forgetKey'> &
    ResourceIssuerMemory & {
      readonly discovery: Pick<ServerDiscovery, 'unregister'>
    }
}

/** All that is known without the vault. */
const LOCKED = {
  status: 'locked',
  expiresAtMs: null,
  scope: null,
  subject: null,
  loginNeededAtMs: null,
  obtainedAtMs: null,
  loggedInAtMs: null,
  canRefresh: false,
  failing: null,
  refused: null,
  failure: null,
} as const

/** Vault reads at the same time while a list is made. */
const READS_AT_ONCE = 16

export class ProfileService {
  readonly #parts: ProfileServiceParts

  constructor(parts: ProfileServiceParts) {
    this.#parts = parts
  }

  async list(): Promise<ProfileView[]> {
    const names = [...this.#parts.configuration.entries().keys()]
    const views: ProfileView[] = []
    for (let start = 0; start < names.length; start += READS_AT_ONCE) {
      const batch = names.slice(start, start + READS_AT_ONCE)
      views.push(...(await Promise.all(batch.map((name) => this.show(name)))))
    }
    return views
  }

  /** @throws CatchdError `profile_unknown`, the vault's codes if it cannot be used */
  async show(name: string): Promise<ProfileView> {
    const { configuration, keeper, lock, clock } = this.#parts
    const registeredRedirectUri = registeredOf(configuration.profile(name))
    const entry = configuration.entries().get(name) ?? {}
    if (lock.isLocked) return { name, entry: masked(entry), ...LOCKED, registeredRedirectUri }
    const { set, needsLogin, failing, failure } = await keeper.find(name).then(
      (found) => ({ ...found, failure: null }),
      (error: unknown) => {
        if (isUnreadable(error)) return { set: null, needsLogin: true, failing: null, failure: error }
        throw error
      },
    )
    const profile = configuration.profile(name)
    return {
      name,
      entry: masked(entry),
      status: this.#status(name, set !== null, needsLogin),
      expiresAtMs: set?.expiresAtMs ?? null,
      scope: set?.scope ?? null,
      subject: set?.subject ?? null,
      loginNeededAtMs: nextLogin(profile, set, clock.now()).atMs,
      obtainedAtMs: set?.obtainedAtMs ?? null,
      loggedInAtMs: set?.loggedInAtMs ?? null,
      canRefresh: failure === null && canRenew(profile, set),
      failing,
      refused: set?.refusedRefreshToken ? loginRequired(profile, set.refusedRefreshToken) : null,
      failure,
      registeredRedirectUri,
    }
  }

  /**
   * Writes the entry to the file and keeps its comments. A client secret given as a string goes to the vault. The file
   * comes first: if the entry is refused, the secret of the old entry must still be there.
   *
   * @param by - A session of the dashboard may not move secrets (session-edits.ts).
   * @throws CatchdError `config_invalid`, `profile_invalid`, `forbidden`, the vault's codes
   */
  put(name: string, entry: ProfileEntry, by: 'owner' | 'session' = 'owner'): Promise<ProfileResult> {
    return this.#parts.lock.use(() => this.#put(name, entry, by))
  }

  async #put(name: string, entry: ProfileEntry, by: 'owner' | 'session'): Promise<ProfileResult> {
    const { configuration, vault } = this.#parts
    const before = configuration.entries().get(name) ?? {}
    const { client_secret: secret, ...rest } = unmasked(entry, before)
    const source = typeof secret === 'string' ? { keychain: true as const } : secret
    const check = by === 'session' ? await this.#sessionCheck(name, entry, secret) : undefined
    const { created } = await configuration.put(
      name,
      source === undefined ? rest : { ...rest, client_secret: source },
      check,
    )
    if (typeof secret === 'string') await vault.set(itemName.clientSecret(name), new Secret(secret))
    return { view: await this.show(name), created }
  }

  /** @throws CatchdError `forbidden` */
  async #sessionCheck(
    name: string,
    entry: ProfileEntry,
    secret: ProfileEntry['client_secret'],
  ): Promise<EditCheck> {
    const { configuration, keeper } = this.#parts
    const before = configuration.entries().get(name)
    const isNew = before === undefined
    refuseNewSources({ name, isNew, entry }, before ?? {})
    const bringsClientSecret = typeof secret === 'string' && secret !== before?.client_secret
    const hasTokens = !isNew && (await keeper.find(name)).set !== null
    return (...profiles) => {
      refuseMovedSecrets({ name, isNew, entry, bringsClientSecret, hasTokens }, ...profiles)
    }
  }

  remove(name: string): Promise<void> {
    return this.#parts.lock.use(() => this.#remove(name))
  }

  async #remove(name: string): Promise<void> {
    const { configuration, keeper, logins, servers, vault } = this.#parts
    const profile = configuration.profile(name)
    await configuration.remove(name)
    logins.cancelAll(name)
    await keeper.logout(name, profile)
    await servers.forgetKey(name)
    await servers.forgetIssuer(name)
    await vault.delete(itemName.clientSecret(name))
    await this.#unregister(profile)
  }

  /** Removes a client that catchd registered from the server too. */
  async #unregister({ name, issuer, ca_file }: Profile): Promise<void> {
    const { servers, vault } = this.#parts
    const record = await vault.get(itemName.registration(name))
    if (record === undefined) return
    await vault.delete(itemName.registration(name))
    if (issuer !== undefined) await servers.discovery.unregister(issuer, record, ca_file)
  }

  #status(name: string, hasSet: boolean, needsLogin: boolean): ProfileStatusName {
    if (!needsLogin) return 'logged_in'
    if (this.#parts.logins.pendingOf(name).length > 0) return 'login_pending'
    return hasSet ? 'expired' : 'login_required'
  }
}

function registeredOf(profile: Profile): string | null {
  const { preset, redirect_uri: redirectUri } = profile
  if (!usesRedirectUri(profile)) return null
  return registeredRedirectUri(findPreset(preset ?? ''), redirectUri) ?? null
}
