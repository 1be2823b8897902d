/** The arguments for OpenSSH, the script that it runs on the other machine, and its failures. Pure. */
import { CatchdError } from '../failures.js'
import { singleQuoted } from '../text/shell-word.js'

export interface Forwarding {
  readonly destination: string
  /** More arguments for ssh, before the destination. */
  readonly sshWords: readonly string[]
  /** Distinguishes this run on the other machine; letters and digits. */
  readonly id: string
  readonly relaySocket: string
  /** A port on the other machine, and the relay's socket for it. */
  readonly port: { readonly number: number; readonly relaySocket: string } | undefined
  /** Ports on this machine that are forwarded to the same ports on the other machine. */
  readonly callbackPorts: readonly number[]
  /** The loopback addresses of this machine, with `[::1]` if there is IPv6. A browser may use either for `localhost`. */
  readonly loopbackAddresses: readonly string[]
}

/** Marks our line in the output of the other machine, whose login scripts may print other lines. */
export const READY = 'catchd-forward'

export function socketThere({ id }: Pick<Forwarding, 'id'>): string {
  return `/tmp/catchd-${id}.sock`
}

/** The arguments contain no secret, because other users of both machines can see them. */
export function sshArguments(forwarding: Forwarding): string[] {
  const { destination, sshWords, relaySocket, port, callbackPorts, loopbackAddresses } = forwarding
  const option = (text: string) => ['-o', text]
  return [
    '-T',
    ...option('ExitOnForwardFailure=yes'),
    ...option('StreamLocalBindUnlink=yes'),
    // A shared connection would keep the forwarding after this program ends.
    ...option('ControlMaster=no'),
    ...option('ControlPath=none'),
    ...option('RemoteCommand=none'),
    // A dead connection is noticed within a minute.
    ...option('ServerAliveInterval=15'),
    ...option('ServerAliveCountMax=3'),
    ...['-R', `${socketThere(forwarding)}:${relaySocket}`],
    ...(port === undefined ? [] : ['-R', `127.0.0.1:${port.number}:${port.relaySocket}`]),
    // Each address separately: for `localhost`, ssh would accept that only one of its two addresses works.
    ...callbackPorts.flatMap((number) =>
      loopbackAddresses.flatMap((address) => ['-L', `${address}:${number}:localhost:${number}`]),
    ),
    ...sshWords,
    '--',
    destination,
    `exec sh -c ${singleQuoted(scriptThere(forwarding))}`,
  ]
}

/**
 * Makes a home of catchd whose socket is the forwarded one, and writes the key from stdin to a file of mode 0600. Removes
 * both when stdin ends, because sshd does not remove its sockets.
 */
function scriptThere(forwarding: Forwarding): string {
  return `umask 077
socket=${socketThere(forwarding)}
home="\${XDG_STATE_HOME:-$HOME/.local/state}/catchd-forward"
mkdir -p "$home/run" && chmod 700 "$home" "$home/run" && ln -sfn "$socket" "$home/run/catchd.sock" || exit 1
trap : HUP INT TERM
IFS= read -r key
[ -z "$key" ] || printf "%s\\n" "$key" > "$home/api-key" || exit 1
echo "${READY} ${forwarding.id} $home"
cat > /dev/null
rm -f "$socket"
[ "$(readlink "$home/run/catchd.sock")" = "$socket" ] || exit 0
rm -f "$home/run/catchd.sock" "$home/api-key"`
}

/** @returns The folder for CATCHD_HOME on the other machine; `undefined` until the script has printed it. */
export function readyFolder(output: string, id: string): string | undefined {
  const start = `${READY} ${id} `
  const line = output
    .split('\n')
    .slice(0, -1)
    .find((text) => text.startsWith(start))
  return line?.slice(start.length).trimEnd()
}

/** The failure for the end of ssh, from its exit code and its stderr. */
export function sshFailure(exitCode: number | null, stderr: string, wasReady: boolean): CatchdError {
  const [, takenPort] = /cannot listen to port: (\d+)|Could not request local forwarding/.exec(stderr) ?? []
  if (/Could not request local forwarding/.test(stderr)) {
    return new CatchdError('redirect_port_in_use', {
      detail: `A port of --callback${takenPort === undefined ? '' : ` (${takenPort})`} is already in use on this machine.`,
      next: 'catchd help forward',
    })
  }
  return failed(explanation(exitCode, stderr, wasReady))
}

export function failed(detail: string): CatchdError {
  return new CatchdError('forwarding_failed', detail)
}

function explanation(exitCode: number | null, stderr: string, wasReady: boolean): string {
  if (/remote port forwarding failed for listen path/.test(stderr)) {
    return 'The other machine does not allow forwarding of a socket (AllowStreamLocalForwarding, AllowTcpForwarding or DisableForwarding in its sshd_config).'
  }
  const [, port] = /remote port forwarding failed for listen port (\d+)/.exec(stderr) ?? []
  if (port !== undefined) {
    return `The other machine cannot forward port ${port}: the port is in use there, or its sshd_config forbids forwarding (AllowTcpForwarding, PermitListen).`
  }
  if (wasReady) return `The connection ended (ssh: exit code ${exitCode ?? 'none'}).`
  const last = stderr.trimEnd().split('\n').at(-1)?.trim()
  return `ssh ended with exit code ${exitCode ?? 'none'}${last ? `: ${last}` : ' and printed no error.'}`
}
