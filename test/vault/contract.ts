/** What every vault promises (src/vault/vault.ts), run against all of them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import type { Vault } from '../../src/vault/vault.js'
import { healthOf } from './health-of.js'

export interface VaultUnderTest {
  readonly vault: Vault
  /** The vault as the next run of the program finds it. */
  readonly reopen: () => Promise<Vault>
  readonly stop?: () => Promise<void>
}

const VALUES: readonly (readonly [string, string])[] = [
  ['plain text', 'an access token'],
  ['nothing', ''],
  ['a token set as JSON', '{"access_token":"a","expires_in":3600}'],
  ['characters beyond ASCII', 'Grüße, 世界, 🗝️, عربي'],
  ['line ends at the end', 'one\ntwo\r\n\n'],
  ['blanks around it', '  \t padded \t '],
  ['a NUL inside', 'before\0after'],
  ['control characters', '\u0001\u001b[31m\u007f'],
  ['quotes and shell characters', `'"$(id)\`\\;|&`],
  ['an option of a command', '--help'],
  ['what marks chunks', 'catchd-chunks:{"version":1,"generation":"x","chunks":1,"sha256":"x"}'],
  ['2,560 bytes', 'w'.repeat(2_560)],
  ['3,001 bytes of multi-byte characters', `x${'€'.repeat(1_000)}`],
  ['9,000 bytes', 's'.repeat(9_000)],
  ['100 KiB', 'big '.repeat(25_600)],
]

export function vaultContract(name: string, make: () => Promise<VaultUnderTest>): void {
  describe(`${name} keeps the vault's contract`, () => {
    let under: VaultUnderTest
    let vault: Vault
    const stored = async (item: string) => (await vault.get(item))?.reveal()

    beforeAll(async () => {
      under = await make()
      vault = under.vault
    })
    afterAll(async () => {
      await vault.close()
      await under.stop?.()
    })

    test('is empty at first, and healthy', async () => {
      expect(await vault.names()).toEqual([])
      expect(await vault.get('token-set/none')).toBeUndefined()
      expect(await vault.delete('token-set/none')).toBe(false)
      expect(await vault.names()).toEqual([])
      expect(await healthOf(vault)).toBe('ok')
    })

    test.each(VALUES)('gives back %s', async (_, value) => {
      await vault.set('token-set/value', new Secret(value))
      expect(await stored('token-set/value')).toBe(value)
    })

    test('a second value replaces the first, longer or shorter', async () => {
      for (const value of ['short', 'long '.repeat(2_000), 'x', 'long '.repeat(3_000), 'end']) {
        await vault.set('token-set/replaced', new Secret(value))
        expect(await stored('token-set/replaced')).toBe(value)
      }
    })

    test('lists names in order, forgets what is deleted, and deletes once', async () => {
      for (const item of ['login/b', 'client-secret/a', 'token-set/__proto__']) {
        await vault.set(item, new Secret(`value of ${item}`))
      }
      const listed = await vault.names()
      expect(listed).toEqual([...listed].sort())
      expect(listed).toEqual(expect.arrayContaining(['client-secret/a', 'login/b', 'token-set/__proto__']))
      expect(await stored('token-set/__proto__')).toBe('value of token-set/__proto__')
      expect(await vault.delete('login/b')).toBe(true)
      expect(await vault.delete('login/b')).toBe(false)
      expect(await vault.get('login/b')).toBeUndefined()
      expect(await vault.names()).not.toContain('login/b')
    })

    test('names that are part of each other stay apart', async () => {
      await vault.set('login/a', new Secret('1'))
      await vault.set('login/a.b', new Secret('2'.repeat(5_000)))
      await vault.set('login/a-b', new Secret('3'))
      await vault.delete('login/a')
      expect(await stored('login/a.b')).toBe('2'.repeat(5_000))
      expect(await stored('login/a-b')).toBe('3')
    })

    test('calls at the same time do not disturb each other, and the last change of an item stands', async () => {
      const items = Array.from({ length: 20 }, (_, index) => `login/many-${index}`)
      await Promise.all(items.map((item) => vault.set(item, new Secret(`first of ${item}`))))
      await Promise.all(
        items.flatMap((item) => [
          vault.set(item, new Secret(`second of ${item}`.repeat(300))),
          vault.set(item, new Secret(`third of ${item}`)),
        ]),
      )
      expect(await Promise.all(items.map(stored))).toEqual(items.map((item) => `third of ${item}`))
      expect(await Promise.all(items.map((item) => vault.delete(item)))).toEqual(items.map(() => true))
      expect((await vault.names()).filter((item) => item.startsWith('login/many'))).toEqual([])
    })

    test('the next run of the program finds everything, or nothing where that is the promise', async () => {
      await vault.set('token-set/kept', new Secret('kept'))
      await vault.set('token-set/kept-long', new Secret('kept'.repeat(5_000)))
      const before = await vault.names()
      await vault.close()
      vault = await under.reopen()
      if (vault.kind === 'memory') return expect(await vault.names()).toEqual([])
      expect(await vault.names()).toEqual(before)
      expect(await stored('token-set/kept')).toBe('kept')
      expect(await stored('token-set/kept-long')).toBe('kept'.repeat(5_000))
    })
  })
}
