/**
 * systemd user units with socket activation: systemd listens on the three addresses and starts the daemon on the first
 * connection. Until then, no daemon runs.
 */
import { join } from 'node:path'
import { LOADER_VARIABLES } from '../process/own-processes.js'
import type { Command, ServiceFile, ServicePlan, ServiceSetup } from './plan.js'

interface Listener {
  readonly unit: string
  readonly description: string
  readonly stream: string
  /** The name by which the daemon finds the descriptor (src/daemon/activation.ts). */
  readonly name: 'api' | 'tcp' | 'redirect'
}

export function systemdPlan(setup: ServiceSetup): ServicePlan {
  const folder = join(setup.configHome ?? join(setup.homeFolder, '.config'), 'systemd', 'user')
  const listeners = listenersOf(setup)
  const units = listeners.map(({ unit }) => unit)
  const systemctl = (...args: string[]): Command => ['systemctl', '--user', ...args]
  return {
    kind: 'systemd user service',
    files: [
      { path: join(folder, 'catchd.service'), content: serviceUnit(setup, units) },
      ...listeners.map(
        (listener): ServiceFile => ({ path: join(folder, listener.unit), content: socketUnit(listener) }),
      ),
    ],
    enable: [systemctl('daemon-reload'), systemctl('enable', '--now', ...units)],
    disable: [systemctl('disable', '--now', ...units), systemctl('stop', 'catchd.service')],
    afterRemoval: [systemctl('daemon-reload')],
    query: systemctl('is-enabled', '--quiet', 'catchd.socket'),
  }
}

function listenersOf({ socketPath, apiPort, redirectPort }: ServiceSetup): Listener[] {
  const port = (unit: string, description: string, number: number, name: Listener['name']): Listener[] =>
    number === 0 ? [] : [{ unit, description, stream: `127.0.0.1:${number}`, name }]
  return [
    { unit: 'catchd.socket', description: 'catchd API socket', stream: escaped(socketPath), name: 'api' },
    ...port('catchd-tcp.socket', 'catchd API on TCP', apiPort, 'tcp'),
    ...port('catchd-redirect.socket', 'catchd redirect listener', redirectPort, 'redirect'),
  ]
}

function serviceUnit({ node, program, environment }: ServiceSetup, sockets: readonly string[]): string {
  const command = [node, program, 'daemon', 'run'].map((part) => quoted(part).replaceAll('$', '$$$$'))
  const variables = Object.entries(environment).map(
    ([name, value]) => `Environment=${quoted(`${name}=${value}`)}`,
  )
  return lines(
    '# Written by: catchd service install',
    '[Unit]',
    'Description=catchd: catches OAuth redirects and keeps tokens fresh',
    `Requires=${sockets.join(' ')}`,
    `After=${sockets.join(' ')}`,
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${command.join(' ')}`,
    ...variables,
    `UnsetEnvironment=${LOADER_VARIABLES.join(' ')}`,
    'Restart=on-failure',
    '# Starting again does not help after an invalid configuration or with a second instance.',
    'RestartPreventExitStatus=7 8',
    'UMask=0077',
    'NoNewPrivileges=yes',
    '# No core dump: it would hold tokens.',
    'LimitCORE=0',
  )
}

function socketUnit({ description, stream, name }: Listener): string {
  const modes = name === 'api' ? ['SocketMode=0600', 'DirectoryMode=0700'] : []
  return lines(
    '# Written by: catchd service install',
    '[Unit]',
    `Description=${description}`,
    '',
    '[Socket]',
    `ListenStream=${stream}`,
    `FileDescriptorName=${name}`,
    'Service=catchd.service',
    ...modes,
    '',
    '[Install]',
    'WantedBy=sockets.target',
  )
}

/** Quotes any text as one word (systemd.syntax(7)). */
function quoted(text: string): string {
  return `"${escaped(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** A percent sign begins a specifier. */
function escaped(text: string): string {
  return text.replaceAll('%', '%%')
}

function lines(...parts: string[]): string {
  return `${parts.join('\n')}\n`
}
