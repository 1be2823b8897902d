/**
 * Whether catchd is locked, and the check of its passphrase, in `lock.json` of the state folder. So a restart of the daemon
 * does not end a lock. The passphrase itself is not stored.
 */
import { join } from 'node:path'
import * as z from 'zod'
import { writeDurably } from '../config/write.js'
import { CatchdError } from '../failures.js'
import { NO_FOLLOW, privacyTrouble, readChecked, systemCode } from '../files/whole-files.js'
import { shellWord } from '../text/shell-word.js'
import { PassphraseRecipe } from '../vault/sealed-format.js'

const LockFile = z
  .object({
    version: z.literal(1),
    /** What unlocks it; `null`: it is not locked. */
    locked_by: z.enum(['passphrase', 'keychain']).nullable(),
    /** Of the last lock that had one. */
    passphrase: z.object({ key: PassphraseRecipe, check: z.base64url() }).nullable(),
  })
  .refine(({ locked_by, passphrase }) => locked_by !== 'passphrase' || passphrase !== null)
export type LockRecord = Omit<z.infer<typeof LockFile>, 'version'>

const UNLOCKED: LockRecord = { locked_by: null, passphrase: null }
const LARGEST_MIB = 1

export class LockFileStore {
  readonly #path: string

  constructor(stateFolder: string) {
    this.#path = join(stateFolder, 'lock.json')
  }

  /** @throws CatchdError `config_invalid` for a file that others can change, or that is damaged */
  async read(): Promise<LockRecord> {
    try {
      const content = await readChecked(
        this.#path,
        (stats) => {
          const trouble = privacyTrouble(this.#path, stats, LARGEST_MIB)
          if (trouble !== undefined) throw this.#refused(trouble)
        },
        { flags: NO_FOLLOW },
      )
      return LockFile.parse(JSON.parse(content.toString('utf8')))
    } catch (error) {
      if (error instanceof CatchdError) throw error
      if (systemCode(error) === 'ENOENT') return UNLOCKED
      throw this.#refused(`${this.#path} cannot be read. If it is damaged, remove it.`)
    }
  }

  /** Resolves when it is on the disk. @throws CatchdError `config_invalid`; the old content is then still there */
  write({ locked_by, passphrase }: LockRecord): Promise<void> {
    return writeDurably(this.#path, `${JSON.stringify({ version: 1, locked_by, passphrase })}\n`)
  }

  #refused(detail: string): CatchdError {
    return new CatchdError('config_invalid', { detail, next: `ls -l ${shellWord(this.#path)}` })
  }
}
