/**
 * The journal of claimed logins: which ones had their code sent, so that after a crash no code is redeemed a second
 * time. A line is on the disk before the token request leaves; it holds ids, never a secret.
 */
import { StepJournal } from '../journal/step-journal.js'

/** A login that was claimed and had not been settled when the daemon ended. */
export interface InterruptedLogin {
  readonly id: string
  readonly profile: string
  readonly redirectUri: string
}

export class LoginJournal {
  readonly #steps: StepJournal

  constructor(file: string) {
    this.#steps = new StepJournal(file)
  }

  /** Reads what the last run left behind. Once, by the one daemon of a home. */
  open(): void {
    this.#steps.open()
  }

  /** Logins that the last run claimed and did not settle. */
  interrupted(): InterruptedLogin[] {
    return [...this.#steps.interrupted].map(([id, facts]) => ({
      id,
      profile: facts['profile'] ?? '',
      redirectUri: facts['redirect_uri'] ?? '',
    }))
  }

  wasClaimed(id: string): boolean {
    return this.#steps.interrupted.has(id)
  }

  /** Resolves when the claim is on the disk. */
  async claimed({ id, profile, redirectUri }: InterruptedLogin): Promise<void> {
    await this.#steps.begun(id, { profile, redirect_uri: redirectUri })
  }

  /** After the login's own record is gone from the vault; a lost line costs nothing. */
  settled(id: string): void {
    this.#steps.ended(id)
  }

  close(): void {
    this.#steps.close()
  }
}
