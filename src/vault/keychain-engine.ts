/**
 * The port to one keychain program or library, and its failures.
 *
 * An engine reads and writes single items by service and account, and ends every call within its deadline.
 * keychain-vault.ts decides whether a missing item was deleted or the keychain is locked.
 */
/** A locked or frozen keychain is an error within 2 seconds. The rest of them is for the way to the caller. */
export const ANSWER_WITHIN_MS = 1_700

export interface KeychainEngine {
  readonly name: 'keytar' | 'secret-tool'
  /** The longest value an item takes, in bytes of UTF-8. */
  readonly maxValueBytes: number
  /** @returns `null` when there is none, and on Linux also when the keychain is locked. @throws KeychainFailure */
  get(service: string, account: string): Promise<string | null>
  /** @param value - Not empty, without NUL. @throws KeychainFailure */
  set(service: string, account: string, value: string): Promise<void>
  /** @returns Whether there was one; on Linux also `false` when the keychain is locked. @throws KeychainFailure */
  delete(service: string, account: string): Promise<boolean>
  close(): Promise<void>
}

/**
 * `locked`: the user must unlock it. `no_keychain`: there is none on this machine. `no_engine`: this
 * engine is not installed. `silent`: no answer in time. `failed`: anything else.
 */
export type KeychainTrouble = 'locked' | 'no_keychain' | 'no_engine' | 'silent' | 'failed'

/** Troubles that mean that there is no keychain here, so `auto` uses the sealed file. */
export const ABSENCES = ['no_keychain', 'no_engine'] as const satisfies readonly KeychainTrouble[]
export type KeychainAbsence = (typeof ABSENCES)[number]

export function isAbsence(trouble: KeychainTrouble): trouble is KeychainAbsence {
  return (ABSENCES as readonly KeychainTrouble[]).includes(trouble)
}

export class KeychainFailure extends Error {
  override readonly name = 'KeychainFailure'
  readonly trouble: KeychainTrouble

  /** @param text - The library's or system's words; never a value of an item. */
  constructor(trouble: KeychainTrouble, text = '') {
    super(text)
    this.trouble = trouble
  }
}

/** Texts of libsecret, GDBus and the Security framework. */
const TEXTS: readonly (readonly [RegExp, KeychainTrouble])[] = [
  [/Object does not exist at path .*\/collection\/|locked collection|locked object/, 'locked'],
  [/interaction is not allowed|passphrase you entered is not correct/i, 'locked'],
  [/Cannot autolaunch D-Bus|Could not connect|Cannot spawn a message bus/, 'no_keychain'],
  [/The name \S+ was not provided|No default keychain/i, 'no_keychain'],
]

/** What an engine's error text means. */
export function failureFrom(text: string): KeychainFailure {
  const trouble = TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? 'failed'
  return new KeychainFailure(trouble, text)
}

/** What is wrong, in words for the user. keychain-fix.ts has the command. */
export function keychainReason({ trouble, message }: KeychainFailure, platform: NodeJS.Platform): string {
  switch (trouble) {
    case 'locked':
      return `The keychain is locked. ${unlockAdvice(platform)} Nothing was changed.`
    case 'no_keychain':
      return `There is no keychain in this session (${shortened(message)}).`
    case 'no_engine':
      return platform === 'linux'
        ? 'The programs for the keychain are missing: neither keytar nor secret-tool can be used.'
        : 'The module for the keychain (keytar) cannot be loaded.'
    case 'silent':
      return 'The keychain did not answer within 2 seconds. The next call tries it again. If this happens again, restart the keyring.'
    default:
      return `The keychain reported an error: ${shortened(message)}`
  }
}

function unlockAdvice(platform: NodeJS.Platform): string {
  if (platform !== 'linux') return 'Log in to the desktop and unlock it there.'
  return "Unlock it in the desktop's password manager. Without a desktop, `gnome-keyring-daemon --replace --unlock` reads the password from standard input."
}

function shortened(text: string): string {
  const line = text.split('\n')[0] ?? ''
  return line.length > 200 ? `${line.slice(0, 200)}…` : line || 'no reason given'
}
