/**
 * Profiles as the API shows and edits them: the configuration beside each profile's standing. Secrets never
 * leave (profile-mask.ts).
 */
import type { DpopProofs, ServerDiscovery } from '../authorization-server/port.js'
import type { Clock } from '../clock.js'
import { needsNoPerson } from '../config/grants.js'
import type { Profile, ProfileEntry } from '../config/profile.js'
import type { ConfigurationStore } from '../config/store.js'
import type { ProfileApi, ProfileStatusName, ProfileView } from '../http/api/services.js'
import type { Logins } from '../login/logins.js'
import { Secret } from '../secret.js'
import { nextLogin } from '../tokens/next-login.js'
import type { TokenKeeper } from '../tokens/token-keeper.js'
import type { TokenSet } from '../tokens/token-set.js'
import { itemName, type Vault } from '../vault/vault.js'
import { masked, unmasked } from './profile-mask.js'

/** Vault reads under way at once while a list is made. */
const READS_AT_ONCE = 16

export class ProfileService implements ProfileApi {
  readonly #configuration: ConfigurationStore
  readonly #keeper: TokenKeeper
  readonly #logins: Logins
  readonly #vault: Vault
  readonly #clock: Clock
  readonly #proofs: Pick<DpopProofs, 'forgetKey'>
  readonly #discovery: Pick<ServerDiscovery, 'unregister'>

  constructor(
    configuration: ConfigurationStore,
    keeper: TokenKeeper,
    logins: Logins,
    vault: Vault,
    clock: Clock,
    proofs: Pick<DpopProofs, 'forgetKey'>,
    discovery: Pick<ServerDiscovery, 'unregister'>,
  ) {
    this.#proofs = proofs
    this.#discovery = discovery
    this.#clock = clock
    this.#configuration = configuration
    this.#keeper = keeper
    this.#logins = logins
    this.#vault = vault
  }

  async list(): Promise<ProfileView[]> {
    const names = [...this.#configuration.entries().keys()]
    const views: ProfileView[] = []
    for (let start = 0; start < names.length; start += READS_AT_ONCE) {
      const batch = names.slice(start, start + READS_AT_ONCE)
      views.push(...(await Promise.all(batch.map((name) => this.show(name)))))
    }
    return views
  }

  async show(name: string): Promise<ProfileView> {
    this.#configuration.profile(name)
    const entry = this.#configuration.entries().get(name) ?? {}
    return { name, entry: masked(entry), ...(await this.#standing(name)) }
  }

  /** The file first: an entry that is refused must not have replaced the secret of the one that stays. */
  async put(name: string, entry: ProfileEntry): Promise<{ view: ProfileView; created: boolean }> {
    const before = this.#configuration.entries().get(name) ?? {}
    const { client_secret: secret, ...rest } = unmasked(entry, before)
    if (typeof secret !== 'string') {
      const { created } = await this.#configuration.put(
        name,
        secret === undefined ? rest : { ...rest, client_secret: secret },
      )
      return { view: await this.show(name), created }
    }
    const { created } = await this.#configuration.put(name, { ...rest, client_secret: { keychain: true } })
    await this.#vault.set(itemName.clientSecret(name), new Secret(secret))
    return { view: await this.show(name), created }
  }

  async remove(name: string): Promise<void> {
    const profile = this.#configuration.profile(name)
    await this.#configuration.remove(name)
    this.#logins.cancelAll(name)
    await this.#keeper.logout(name, profile)
    await this.#proofs.forgetKey(name)
    await this.#vault.delete(itemName.clientSecret(name))
    await this.#unregister(profile)
  }

  /** A client that registered itself leaves nothing behind at the server, either. */
  async #unregister({ name, issuer, ca_file }: Profile): Promise<void> {
    const record = await this.#vault.get(itemName.registration(name))
    if (record === undefined) return
    await this.#vault.delete(itemName.registration(name))
    if (issuer !== undefined) await this.#discovery.unregister(issuer, record, ca_file)
  }

  async #standing(name: string): Promise<Omit<ProfileView, 'name' | 'entry'>> {
    const { set, needsLogin } = await this.#keeper.find(name)
    const profile = this.#configuration.profile(name)
    return {
      status: this.#status(name, set !== null, needsLogin),
      expiresAtMs: set?.expiresAtMs ?? null,
      scope: set?.scope ?? null,
      subject: set?.subject ?? null,
      loginNeededAtMs: nextLogin(profile, set, this.#clock.now()).atMs,
      obtainedAtMs: set?.obtainedAtMs ?? null,
      canRefresh: needsNoPerson(profile.grant) || isRefreshable(set),
    }
  }

  #status(name: string, hasSet: boolean, needsLogin: boolean): ProfileStatusName {
    if (!needsLogin) return 'logged_in'
    if (this.#logins.pendingOf(name).length > 0) return 'login_pending'
    return hasSet ? 'expired' : 'login_required'
  }
}

function isRefreshable(set: TokenSet | null): boolean {
  return set !== null && set.refreshToken !== null && set.refusedRefreshToken === null
}
