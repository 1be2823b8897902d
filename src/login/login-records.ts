/**
 * The parts of logins that survive a restart of the daemon: their records in the vault, because they contain secrets,
 * and their claims in the journal. After a crash, the two show which logins are still pending, and which codes were
 * sent and must not be sent again (SECURITY.md#one-state-one-redemption).
 */
import type { StepJournal } from '../journal/step-journal.js'
import type { Vault } from '../vault/vault.js'
import type { LoginKind, OpenLogin } from './kinds/kind.js'
import type { PendingLogin } from './login.js'

/** A login that was claimed, but not settled when the daemon ended. */
export interface InterruptedLogin {
  readonly id: string
  readonly profile: string
  readonly redirectUri: string
}

export class LoginRecords {
  readonly #vault: Vault
  readonly #steps: StepJournal

  constructor(vault: Vault, steps: StepJournal) {
    this.#vault = vault
    this.#steps = steps
  }

  /** Before the authorization URL is given out. @throws the vault's codes */
  async store(kind: LoginKind, open: OpenLogin): Promise<void> {
    await this.#vault.set(kind.itemPrefix + open.login.id, open.record())
  }

  /** Before the token request is sent. Resolves when the claim is on the disk. Ids only, never a secret. */
  async claim({ id, profile, redirectUri }: PendingLogin): Promise<void> {
    await this.#steps.begun(id, { profile, redirect_uri: redirectUri })
  }

  /** After the end. If a crash leaves the record behind, the journal shows that it is not pending. @throws the vault's codes */
  async forget(kind: LoginKind, id: string): Promise<void> {
    await this.#vault.delete(kind.itemPrefix + id)
    this.#steps.ended(id)
  }

  /** Logins that the last run claimed and did not settle. A damaged line of the journal names none. */
  interrupted(): InterruptedLogin[] {
    return [...this.#steps.interrupted].flatMap(([id, facts]) => {
      const { profile = '', redirect_uri: redirectUri = '' } = facts
      return URL.canParse(redirectUri) ? [{ id, profile, redirectUri }] : []
    })
  }

  /** Called when the records of interrupted logins were deleted from the vault. */
  forgetInterrupted(): void {
    for (const id of this.#steps.interrupted.keys()) this.#steps.ended(id)
  }

  /**
   * The logins of a kind that are still pending. Deletes records that were interrupted or cannot be read.
   *
   * @param isKnown - Whether it is a login of this run.
   * @throws the vault's codes, when the records cannot be read now
   */
  async *leftBehind(kind: LoginKind, isKnown: (id: string) => boolean): AsyncGenerator<OpenLogin> {
    for (const name of await this.#vault.names()) {
      if (!name.startsWith(kind.itemPrefix)) continue
      const id = name.slice(kind.itemPrefix.length)
      const isInterrupted = this.#steps.interrupted.has(id)
      if (isKnown(id) && !isInterrupted) continue
      const item = isInterrupted ? undefined : await this.#vault.get(name)
      const open = item && kind.restored(item)
      if (open === undefined) await this.#vault.delete(name)
      else if (!isKnown(id)) yield open
    }
  }
}
