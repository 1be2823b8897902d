import { healthIn, type Vault, type VaultHealth } from '../../src/vault/vault.js'

export async function healthOf(vault: Pick<Vault, 'findTrouble'>): Promise<VaultHealth> {
  return healthIn(await vault.findTrouble())
}
