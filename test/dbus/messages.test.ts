/** Bodies that a service on the bus sends, as bytes. */
import { expect, test } from 'vitest'
import { objectPathsInVariant } from '../../src/dbus/messages.js'

/** A variant with a list of object paths, in little endian. */
function variant(...paths: string[]): Buffer {
  let list = Buffer.alloc(0)
  for (const path of paths) {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(path.length)
    list = Buffer.concat([list, Buffer.alloc((4 - (list.length % 4)) % 4), length, Buffer.from(`${path}\0`)])
  }
  const size = Buffer.alloc(4)
  size.writeUInt32LE(list.length)
  return Buffer.concat([Buffer.from('\x02ao\0'), size, list])
}

test.each([[[]], [['/a']], [['/', '/ab', '/org/freedesktop/secrets/collection/login']]])('%j', (paths) => {
  expect(objectPathsInVariant(variant(...paths))).toEqual(paths)
})

test('a body of another kind, or a damaged one, has no path beyond its end', () => {
  expect(objectPathsInVariant(Buffer.alloc(0))).toEqual([])
  expect(objectPathsInVariant(Buffer.from('\x01s\0\0\x05\0\0\0hello\0'))).toEqual([])
  const whole = variant('/one', '/two')
  for (let end = 0; end < whole.length; end += 1) {
    expect(objectPathsInVariant(whole.subarray(0, end)).length).toBeLessThanOrEqual(2)
  }
  const endless = Buffer.from(whole)
  endless.writeUInt32LE(0xffff_ffff, 4)
  endless.writeUInt32LE(0xffff_fff0, 8)
  expect(objectPathsInVariant(endless)).toHaveLength(1)
})
