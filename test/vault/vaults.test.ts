import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { KeychainEngine } from '../../src/vault/keychain-engine.js'
import { KeychainVault } from '../../src/vault/keychain-vault.js'
import { MemoryVault } from '../../src/vault/memory-vault.js'
import { SealedFileVault } from '../../src/vault/sealed-file-vault.js'
import { askSecretService } from '../../src/vault/secret-service.js'
import { SecretToolEngine } from '../../src/vault/secret-tool-engine.js'
import { keyringReason, keytarEngine, startKeyring } from '../support/keyring.js'
import { vaultContract } from './contract.js'

vaultContract('the memory vault', async () => ({
  vault: new MemoryVault(),
  reopen: async () => new MemoryVault(),
}))

for (const kind of ['a key file', 'a passphrase'] as const) {
  vaultContract(`the sealed file with ${kind}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'catchd-vault-'))
    const passphraseFile = kind === 'a passphrase' ? join(folder, 'passphrase') : null
    if (passphraseFile !== null)
      await writeFile(passphraseFile, 'correct horse battery staple\n', { mode: 0o600 })
    const open = () =>
      new SealedFileVault({
        file: join(folder, 'vault.sealed'),
        keyFile: join(folder, 'vault.key'),
        passphraseFile,
      })
    return {
      vault: open(),
      reopen: async () => open(),
      stop: () => rm(folder, { recursive: true }),
    }
  })
}

interface Variant {
  readonly engine: (env: NodeJS.ProcessEnv) => KeychainEngine
  /** Without asking the Secret Service, as on systems that have none. */
  readonly sentinelOnly?: boolean
}

const VARIANTS: Record<string, Variant> = {
  'the keychain through keytar': { engine: (env) => keytarEngine({ env }) },
  // Each call is a process of its own, which a busy machine starts late. The deadline has tests of its own.
  'the keychain through secret-tool': {
    engine: (env) => new SecretToolEngine({ env, answerWithinMs: 60_000 }),
  },
  'the keychain with the limit of Windows': {
    engine: (env) => keytarEngine({ env, platform: 'win32' }),
  },
  'the keychain with the sentinel alone': {
    engine: (env) => keytarEngine({ env }),
    sentinelOnly: true,
  },
}

describe.skipIf(keyringReason !== undefined)('on a real keyring', () => {
  for (const [name, variant] of Object.entries(VARIANTS)) {
    vaultContract(name, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'catchd-vault-'))
      const keyring = await startKeyring()
      const { sentinelOnly = false } = variant
      const open = () =>
        new KeychainVault({
          engine: variant.engine(keyring.env),
          service: 'catchd',
          indexFile: join(folder, 'keychain-index.json'),
          ...(sentinelOnly ? {} : { lockState: (limitMs) => askSecretService(keyring.env, limitMs) }),
        })
      return {
        vault: open(),
        reopen: async () => open(),
        async stop() {
          await keyring.stop()
          await rm(folder, { recursive: true })
        },
      }
    })
  }
})
