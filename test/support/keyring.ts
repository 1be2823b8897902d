/**
 * A real gnome-keyring in a private D-Bus session, in a temporary folder: locked, frozen, killed and restarted
 * as a test wishes. Nothing of the user's own session is touched, and no password dialog can come up.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { KeytarEngine, type KeytarEngineOptions } from '../../src/vault/keytar-engine.js'
import { needs, needsNative } from './needs.js'

/** No newline: gnome-keyring takes one as part of the password. */
const PASSWORD = 'keyring password'
const STARTS_WITHIN_MS = 60_000
/** gkd-control: operation and its result. */
const CONTROL_UNLOCK = 1
const CONTROL_OK = 0

export interface Keyring {
  /** For child processes: where this session's bus and folders are. */
  readonly env: Record<string, string>
  lock(): Promise<void>
  unlock(): Promise<void>
  /** SIGSTOP: it answers nobody, and its place on the bus is still taken. */
  freeze(): void
  thaw(): void
  /** `kill -9` of the keyring alone; the bus stays. */
  kill(): void
  /** After {@link Keyring.kill}: the same items, unlocked. */
  restart(): Promise<void>
  /** gnome-keyring 42 aborts once in some hundred clients that are killed; a session starts it again. */
  revive(): Promise<void>
  stop(): Promise<void>
}

export interface KeyringOptions {
  /** Default true; false: a bus on which no Secret Service runs. `empty`: one that was never set up runs. */
  readonly service?: boolean | 'empty'
}

/** Why a test that needs a keyring cannot run here. */
export const keyringReason =
  needs('gnome-keyring-daemon', 'dbus-daemon', 'dbus-send', 'secret-tool') ?? needsNative('keytar')

/** keytar's process as it is built: as a source it takes a second to start. */
const KEYTAR_CHILD = fileURLToPath(new URL('../../dist/vault/keytar-child.js', import.meta.url))

export function keytarEngine(options: KeytarEngineOptions = {}): KeytarEngine {
  return new KeytarEngine({ childEntry: { execArgv: [], file: KEYTAR_CHILD }, ...options })
}

export async function startKeyring({ service = true }: KeyringOptions = {}): Promise<Keyring> {
  const folder = await mkdtemp(join(tmpdir(), 'catchd-keyring-'))
  const runtime = join(folder, 'run')
  const data = join(folder, 'data')
  await mkdir(runtime, { mode: 0o700 })
  await mkdir(data, { mode: 0o700 })
  const address = `unix:path=${join(runtime, 'bus')}`
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    XDG_RUNTIME_DIR: runtime,
    XDG_DATA_HOME: data,
    DBUS_SESSION_BUS_ADDRESS: address,
  }

  const busConfiguration = join(folder, 'bus.conf')
  await writeFile(busConfiguration, busConf(address))
  const bus = spawn('dbus-daemon', [`--config-file=${busConfiguration}`, '--nofork', '--print-address'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // The address is printed once the bus listens.
  await once(bus.stdout, 'data', { signal: AbortSignal.timeout(STARTS_WITHIN_MS) })

  const control = join(runtime, 'keyring')
  const start = async () => {
    await rm(control, { recursive: true, force: true })
    const isEmpty = service === 'empty'
    const options = ['--foreground', '--components=secrets', `--control-directory=${control}`]
    const started = spawn('gnome-keyring-daemon', isEmpty ? options : ['--unlock', ...options], {
      env,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    started.stdin.end(isEmpty ? '' : PASSWORD)
    await eventually(() => (isEmpty ? answers(env) : isLocked(env).then((locked) => !locked)))
    return started
  }
  let daemon: ChildProcess | undefined = service !== false ? await start() : undefined

  return {
    env,
    async lock() {
      await dbusSend(env, SERVICE, 'org.freedesktop.Secret.Service.Lock', `array:objpath:${COLLECTION}`)
      await eventually(() => isLocked(env))
    },
    async unlock() {
      await unlockWith(PASSWORD, join(control, 'control'))
      await eventually(() => isLocked(env).then((locked) => !locked))
    },
    freeze: () => void daemon?.kill('SIGSTOP'),
    thaw: () => void daemon?.kill('SIGCONT'),
    kill: () => void daemon?.kill('SIGKILL'),
    async restart() {
      await ended(daemon)
      daemon = await start()
    },
    async revive() {
      if (daemon?.exitCode === null && daemon.signalCode === null) return
      daemon = await start()
    },
    async stop() {
      await ended(daemon)
      await ended(bus)
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

const execute = promisify(execFile)
const SERVICE = '/org/freedesktop/secrets'
const COLLECTION = '/org/freedesktop/secrets/collection/login'
const DEFAULT = '/org/freedesktop/secrets/aliases/default'

/** No activation: what is not started here does not run. */
function busConf(address: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>${address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`
}

/** @throws while there is no default collection on the bus. */
async function isLocked(env: NodeJS.ProcessEnv): Promise<boolean> {
  const property = ['string:org.freedesktop.Secret.Collection', 'string:Locked']
  const stdout = await dbusSend(env, DEFAULT, 'org.freedesktop.DBus.Properties.Get', ...property)
  return stdout.includes('true')
}

async function answers(env: NodeJS.ProcessEnv): Promise<boolean> {
  const property = ['string:org.freedesktop.Secret.Service', 'string:Collections']
  await dbusSend(env, SERVICE, 'org.freedesktop.DBus.Properties.Get', ...property)
  return true
}

async function dbusSend(env: NodeJS.ProcessEnv, path: string, ...call: string[]): Promise<string> {
  const options = ['--session', '--print-reply=literal', '--reply-timeout=2000']
  const destination = '--dest=org.freedesktop.secrets'
  return (await execute('dbus-send', [...options, destination, path, ...call], { env })).stdout
}

/** What pam_gnome_keyring does at a login: length, operation, password, after a byte that carries the credentials. */
async function unlockWith(password: string, socketPath: string): Promise<void> {
  const secret = Buffer.from(password)
  const header = Buffer.alloc(12)
  header.writeUInt32BE(header.length + secret.length, 0)
  header.writeUInt32BE(CONTROL_UNLOCK, 4)
  header.writeUInt32BE(secret.length, 8)
  const socket = connect(socketPath)
  socket.write(Buffer.concat([Buffer.alloc(1), header, secret]))
  const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(STARTS_WITHIN_MS) })) as [Buffer]
  socket.destroy()
  if (answer.readUInt32BE(4) !== CONTROL_OK) throw new Error('the keyring did not accept its password')
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + STARTS_WITHIN_MS
  while (!(await condition().catch(() => false))) {
    if (Date.now() > deadline) throw new Error('the keyring did not get there in time')
    await delay(20)
  }
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
