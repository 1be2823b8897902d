/**
 * Vault kinds: their names and their differences.
 *
 * One row per kind. `CATCHD_VAULT`, the choices of `catchd vault migrate`, the API's schema, what `auto` remembers, the
 * texts and the types are derived from here. open-vault.ts opens a kind. Pure, without imports: the command line loads
 * it.
 */

interface VaultKindRow {
  /** The programs or libraries behind it, as `status` names them. */
  readonly engines: readonly string[]
  /** Beside the kind in a list. */
  readonly remark?: string
  /** In the middle of a sentence. */
  readonly name: (engine: string) => string
  /** Where tokens are, in words for the user. */
  readonly words: (service: string) => string
  /**
   * Whether items survive the end of the daemon. A home has such a vault once. Items can be migrated to it, and `auto` can
   * remember it.
   */
  readonly lasts: boolean
  /** Whether it is used through another process, which takes a moment to start. */
  readonly hasProcess: boolean
}

/** In the order in which they are listed. */
export const VAULT_KINDS = {
  keychain: {
    engines: ['keytar', 'secret-tool'],
    name: (engine: string) => `keychain (${engine})`,
    words: (service: string) => `the login keychain (service ${service})`,
    lasts: true,
    hasProcess: true,
  },
  file: {
    engines: ['sealed-file'],
    remark: 'sealed',
    name: () => 'sealed file',
    words: () => 'the sealed file vault',
    lasts: true,
    hasProcess: false,
  },
  memory: {
    engines: ['memory'],
    remark: 'lost when the daemon stops',
    name: () => 'memory only',
    words: () => 'memory only (lost when the daemon stops)',
    lasts: false,
    hasProcess: false,
  },
} as const satisfies Record<string, VaultKindRow>

type Rows = typeof VAULT_KINDS
export type VaultKind = keyof Rows
export type VaultEngine = Rows[VaultKind]['engines'][number]

/** Vaults whose items survive the end of the daemon. */
export type LastingVault = {
  [Kind in VaultKind]: Rows[Kind]['lasts'] extends true ? Kind : never
}[VaultKind]
/** `auto`: the keychain if it works, the sealed file if there is none. */
export type VaultChoice = 'auto' | VaultKind

const KINDS = Object.keys(VAULT_KINDS) as VaultKind[]

export const VAULT_CHOICES: readonly VaultChoice[] = ['auto', ...KINDS]
export const LASTING_VAULTS = KINDS.filter((kind) => VAULT_KINDS[kind].lasts) as LastingVault[]

/** `auto, keychain, file (sealed) or …` */
export function choicesInWords(): string {
  const rows: readonly [string, VaultKindRow][] = Object.entries(VAULT_KINDS)
  const words = rows.map(([kind, { remark }]) => (remark === undefined ? kind : `${kind} (${remark})`))
  return `${['auto', ...words.slice(0, -1)].join(', ')} or ${words.at(-1)}`
}

/** Kind and engine as people read them: `keychain (keytar)`, `sealed file`. */
export function vaultName({ kind, engine }: { readonly kind: string; readonly engine: string }): string {
  return isVaultKind(kind) ? VAULT_KINDS[kind].name(engine) : `${kind} (${engine})`
}

export function isVaultKind(text: string): text is VaultKind {
  return Object.hasOwn(VAULT_KINDS, text)
}
