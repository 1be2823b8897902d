/** How wrong passphrases of a lock are slowed down. */
import { expect, test } from 'vitest'
import { PassphraseTries } from '../../src/lock/passphrase-tries.js'
import { Secret } from '../../src/secret.js'
import { keyCheck } from '../../src/vault/sealed-format.js'
import { keyFromPassphrase, newPassphraseRecipe } from '../../src/vault/sealing-key.js'
import { codeOf } from '../support/composed-daemon.js'

async function start() {
  const pauses: number[] = []
  const tries = new PassphraseTries({
    after(ms, callback) {
      pauses.push(ms)
      callback()
      return () => {}
    },
  })
  const key = newPassphraseRecipe()
  const right = { key, check: keyCheck(await keyFromPassphrase('right', key)) }
  return { pauses, check: (passphrase: string) => tries.check(new Secret(passphrase), right) }
}

test('each wrong one is answered later than the one before; the right one at once, and the count begins again', async () => {
  const { pauses, check } = await start()
  for (const wrong of ['wrong', 'right ', 'Right']) expect(await codeOf(check(wrong))).toBe('locked')
  expect(pauses).toEqual([100, 200, 300])
  expect(await check('right')).toHaveLength(32)
  expect(pauses).toHaveLength(3)
  await codeOf(check('wrong'))
  expect(pauses.at(-1)).toBe(100)
})

test('they are checked one after the other, and no more than five wait', async () => {
  const { pauses, check } = await start()
  const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(check('wrong'))))
  expect(codes).toEqual(Array.from({ length: 8 }, () => 'locked'))
  expect(pauses).toEqual([100, 200, 300, 400, 500])
})
