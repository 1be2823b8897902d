/** What the terminal picture shows: real commands of the built program, with what they print. */
import type { Office } from './fictional-office.js'
import { drawTerminal, type TerminalCommand } from './terminal.js'

export const SESSION_FILE = 'docs/images/terminal.svg'

export const ADD_GW =
  'catchd profile add gw --preset webmethods --base-url https://gw.example.com:5543 --client-id 374b1fae-0c5d-4f5c-9d7e-5a1b6c2d3e4f --client-secret-stdin --scope email < secret.txt'

const COMMANDS = [
  'catchd login gw',
  'curl -sH "Authorization: Bearer $(catchd token gw)" \\\n    https://gw.example.com:5543/gateway/echo/1.0/hello',
  'catchd status',
]

/** Leaves the office with a profile `gw` that is logged in. */
export async function recordSession(office: Office): Promise<string> {
  await office.run(ADD_GW)
  const session: TerminalCommand[] = []
  for (const command of COMMANDS) session.push({ command, output: steady(await office.run(command)) })
  return drawTerminal('catchd: log in once, then use the token', session)
}

/** The same at each run: what time, chance and the machine change. */
function steady(output: string): string {
  return output
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, '2026-11-23T15:00:00Z')
    .replaceAll(/in (5\d|60) min/g, 'in 59 min')
    .replaceAll(/process \d+/g, 'process 4711')
    .replaceAll(/started .* ago/g, 'started 2 s ago')
}
