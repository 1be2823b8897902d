/**
 * Sockets that systemd bound before it started the daemon (sd_listen_fds(3)), by the names in the units that
 * src/service/systemd.ts writes.
 */

/** File descriptors of listening sockets. */
export interface ActivatedSockets {
  readonly api?: number
  readonly tcp?: number
  readonly redirect?: number
}

const FIRST_DESCRIPTOR = 3
const NAMES: ReadonlySet<string> = new Set(['api', 'tcp', 'redirect'])

/**
 * Removes the variables from `environment`: they are for this process alone, not for the programs that it starts.
 *
 * @param pid - The process that the descriptors must be for.
 */
export function takeActivatedSockets(environment: NodeJS.ProcessEnv, pid: number): ActivatedSockets {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name]
  if (LISTEN_PID !== String(pid)) return {}
  const names = (LISTEN_FDNAMES ?? '').split(':').slice(0, Number(LISTEN_FDS))
  return Object.fromEntries(
    names.flatMap((name, index) => (NAMES.has(name) ? [[name, FIRST_DESCRIPTOR + index]] : [])),
  )
}
