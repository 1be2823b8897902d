/**
 * Makes a screenshot small: a PNG with a palette of the 256 most frequent colours. Pages of text and flat areas have few
 * more, and those differ from a colour of the palette by less than one can see.
 */
import { crc32, deflateSync } from 'node:zlib'
import type { Page } from 'playwright-core'

const PALETTE_SIZE = 256

/** @param page - An empty page, whose canvas decodes the picture. */
export async function smallPng(page: Page, png: Buffer): Promise<Buffer> {
  const { width, height, rgba } = await decoded(page, png)
  const colours = new Map<number, number>()
  const colourAt = (index: number) => rgba.readUIntBE(index * 4, 3)
  for (let index = 0; index < width * height; index++) {
    const colour = colourAt(index)
    colours.set(colour, (colours.get(colour) ?? 0) + 1)
  }
  const palette = [...colours]
    .sort(([, a], [, b]) => b - a)
    .slice(0, PALETTE_SIZE)
    .map(([colour]) => colour)
  const nearest = new Map(palette.map((colour, index) => [colour, index]))
  for (const colour of colours.keys()) {
    if (!nearest.has(colour)) nearest.set(colour, nearestIn(palette, colour))
  }
  const rows = Buffer.alloc((width + 1) * height) // each row begins with filter type 0
  for (let index = 0; index < width * height; index++) {
    rows[index + Math.floor(index / width) + 1] = nearest.get(colourAt(index)) ?? 0
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3], 8) // eight bits, each the number of a colour
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap(channels))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

async function decoded(page: Page, png: Buffer): Promise<{ width: number; height: number; rgba: Buffer }> {
  const source = `data:image/png;base64,${png.toString('base64')}`
  const script = `(async () => {
    const image = new Image()
    image.src = ${JSON.stringify(source)}
    await image.decode()
    const canvas = new OffscreenCanvas(image.width, image.height)
    const context = canvas.getContext('2d')
    context.drawImage(image, 0, 0)
    const { data } = context.getImageData(0, 0, image.width, image.height)
    const reader = new FileReader()
    reader.readAsDataURL(new Blob([data]))
    await new Promise((resolve) => { reader.onload = resolve })
    return { width: image.width, height: image.height, base64: reader.result.split(',')[1] }
  })()`
  const { width, height, base64 } = (await page.evaluate(script)) as {
    width: number
    height: number
    base64: string
  }
  return { width, height, rgba: Buffer.from(base64, 'base64') }
}

const channels = (colour: number) => [colour >> 16, (colour >> 8) & 255, colour & 255]

function nearestIn(palette: readonly number[], colour: number): number {
  const wanted = channels(colour)
  const distance = (other: number) =>
    channels(other).reduce((sum, value, index) => sum + (value - (wanted[index] ?? 0)) ** 2, 0)
  let best = 0
  let smallest = Number.POSITIVE_INFINITY
  for (const [index, other] of palette.entries()) {
    const found = distance(other)
    if (found < smallest) [best, smallest] = [index, found]
  }
  return best
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(named.length + 8)
  framed.writeUInt32BE(data.length, 0)
  named.copy(framed, 4)
  framed.writeUInt32BE(crc32(named), named.length + 4)
  return framed
}
