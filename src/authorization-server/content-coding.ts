/**
 * The content codings of an answer (RFC 9110 §8.4). catchd asks for none, but some servers compress anyway, and some name a
 * coding that does not exist (`UTF-8`, `none`) or that a proxy has already removed. Pure.
 */
import * as zlib from 'node:zlib'

type Decoder = (body: Buffer, limits: { readonly maxOutputLength: number }) => Buffer

/** Every other name is no coding, so the body is what it is. */
const DECODERS = new Map<string, Decoder>([
  ['gzip', zlib.gunzipSync],
  ['x-gzip', zlib.gunzipSync],
  ['br', zlib.brotliDecompressSync],
  // Some servers leave the zlib header out (RFC 9110 §8.4.1.2).
  ['deflate', (body, limits) => (hasZlibHeader(body) ? zlib.inflateSync : zlib.inflateRawSync)(body, limits)],
  ...zstandard(),
])

/** Nobody compresses more often, and each time costs time. */
const MOST_CODINGS = 3

/**
 * @param encoding - The value of Content-Encoding.
 * @param mostBytes - Limit for the result of every step, so that a decompression bomb is not unpacked.
 * @returns `broken` if the body is neither in these codings nor text as it is.
 */
export function decoded(
  body: Buffer,
  encoding: string | undefined,
  mostBytes: number,
): Buffer | 'too_large' | 'broken' {
  const names = (encoding ?? '').split(',').map((name) => name.trim().toLowerCase())
  const decoders = names.flatMap((name) => DECODERS.get(name) ?? []).reverse()
  if (decoders.length > MOST_CODINGS) return 'broken'
  try {
    // An empty body is not compressed at all.
    return decoders.reduce(
      (left, decode) => (left.length === 0 ? left : decode(left, limitsOf(mostBytes))),
      body,
    )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return 'too_large'
    return isText(body) ? body : 'broken'
  }
}

function limitsOf(mostBytes: number) {
  return { maxOutputLength: mostBytes }
}

/** JSON or form encoding, possibly behind a byte order mark. What is compressed has bytes that are not ASCII. */
function isText(body: Buffer): boolean {
  return body.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d))
}

function hasZlibHeader(body: Buffer): boolean {
  return body.length > 1 && (body.readUInt8(0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0
}

/** Node.js has it since 22.15. */
function zstandard(): [string, Decoder][] {
  const { zstdDecompressSync } = zlib as { readonly zstdDecompressSync?: Decoder }
  return zstdDecompressSync === undefined ? [] : [['zstd', zstdDecompressSync]]
}
