/**
 * The daemon's log: JSON lines in the state folder, rotated by size; human-readable on a terminal.
 *
 * Events are objects that catchd builds, never objects of a library. `Secret` keeps secrets out; pino's `redact` is a second
 * protection, by member names. If the log cannot be written, the daemon continues.
 */
import { pino } from 'pino'
import { createStream } from 'rotating-file-stream'

const SECRET_MEMBERS = [
  'code',
  'state',
  'code_verifier',
  'nonce',
  'access_token',
  'refresh_token',
  'id_token',
  'client_secret',
  'key',
  'authorization',
  'cookie',
]

/** The streams take all that the logger lets through, whose level can change. */
const LEAST = 'trace'

export interface DaemonLog {
  info(event: object): void
  warn(event: object): void
  error(event: object): void
  debug(event: object): void
  setLevel(level: string): void
  /** Whether debug events are written. If not, callers need not prepare them. */
  readonly isVerbose: boolean
  close(): Promise<void>
}

export async function openLog(options: {
  readonly folder: string
  readonly level: string
  /** For a daemon in the foreground; `null` for none. */
  readonly foreground: NodeJS.WriteStream | null
}): Promise<DaemonLog> {
  const file = createStream('catchd.log', { path: options.folder, size: '5M', maxFiles: 3, mode: 0o600 })
  file.on('error', () => {}) // with a full disk events are lost, but tokens are still served
  const streams: { level: string; stream: NodeJS.WritableStream }[] = [{ level: LEAST, stream: file }]
  if (options.foreground !== null) {
    options.foreground.on('error', () => {}) // the reader is gone
    streams.push({ level: LEAST, stream: await foregroundStream(options.foreground) })
  }
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_MEMBERS.map((member) => `*.${member}`), censor: '[secret]' },
    },
    pino.multistream(streams as Parameters<typeof pino.multistream>[0]),
  )
  return {
    info: (event) => logger.info(event),
    warn: (event) => logger.warn(event),
    error: (event) => logger.error(event),
    debug: (event) => logger.debug(event),
    setLevel(level) {
      logger.level = level
    },
    get isVerbose() {
      return logger.isLevelEnabled('debug')
    },
    close: () => new Promise((resolve) => file.end(() => resolve())),
  }
}

async function foregroundStream(stream: NodeJS.WriteStream): Promise<NodeJS.WritableStream> {
  if (!stream.isTTY) return stream
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    destination: stream,
    colorize: !process.env['NO_COLOR'],
    ignore: 'pid,hostname',
    singleLine: true,
  })
}
