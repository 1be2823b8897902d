/**
 * OpenSSH's own server on a free loopback port, for this user alone and with keys of its own: "another machine". It
 * runs in the foreground and touches nothing outside its folder.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.js'

/** Not on the PATH of everybody. */
export const SSHD = '/usr/sbin/sshd'

export interface Sshd {
  readonly destination: string
  /** What ssh needs to find it: port, key, known host. */
  readonly words: readonly string[]
  /** Stands for the other machine's home. */
  readonly home: string
  close(): Promise<void>
}

const STARTS_WITHIN_MS = 60_000

/** @param more - Lines of sshd_config. */
export async function startSshd(folder: string, more: readonly string[] = []): Promise<Sshd> {
  const file = (name: string) => join(folder, name)
  const home = file('other-home')
  mkdirSync(home)
  for (const key of ['host', 'user']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)])
  }
  const port = await freePort()
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('user.pub')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    `SetEnv XDG_STATE_HOME=${home}`,
    ...more,
  ]
  writeFileSync(file('sshd_config'), `${config.join('\n')}\n`)
  // The system's service makes it when it starts.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const child = spawn(SSHD, ['-D', '-e', '-f', file('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString('utf8')
  })
  await listening(child, port, () => log)
  execFileSync('sh', [
    '-c',
    `printf '[127.0.0.1]:${port} ' | cat - "$0" > "$1"`,
    file('host.pub'),
    file('known'),
  ])
  return {
    destination: `${userInfo().username}@127.0.0.1`,
    words: [
      ...['-F', 'none', '-p', String(port), '-i', file('user'), '-o', 'IdentitiesOnly=yes'],
      ...['-o', `UserKnownHostsFile=${file('known')}`, '-o', 'BatchMode=yes'],
    ],
    home,
    async close() {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function listening(child: ChildProcess, port: number, log: () => string): Promise<void> {
  const giveUpAtMs = Date.now() + STARTS_WITHIN_MS
  while (Date.now() < giveUpAtMs && child.exitCode === null) {
    const socket = connect(port, '127.0.0.1')
    const outcome = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      delay(500, false),
    ])
    socket.destroy()
    if (outcome) return
    await delay(50)
  }
  throw new Error(`sshd does not serve (exit code ${child.exitCode}):\n${log()}`)
}
