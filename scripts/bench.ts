/**
 * What catchd costs, measured side by side in one run; docs/performance.md explains each row. Absolute figures of
 * shared machines drift; ratios hold.
 *
 * npm run bench
 * npm run bench -- --check        ends with 1 when a goal is missed
 * npm run bench -- daemon curl    the rows that speak of one of these words
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSeedSystem } from '../test/support/seed-system.js'
import { startBareServer } from './bench/bare-server.js'
import { loginRow } from './bench/logins.js'
import { oidcAgentRows } from './bench/oidc-agent.js'
import { proxyRows } from './bench/proxied.js'
import { readRows } from './bench/reads.js'
import { refreshRows } from './bench/refreshes.js'
import { type Comparison, compare, isMet, type Result, TABLE_HEAD, tableRow } from './bench/rounds.js'
import { scaleRows } from './bench/scale.js'
import { daemonRows, startRows } from './bench/starts.js'

const words = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const results: Result[] = []

interface Measured {
  readonly rows: readonly Comparison[]
  stop(): void | Promise<void>
}

async function measure(rows: readonly Comparison[]): Promise<void> {
  for (const row of rows) {
    if (words.length > 0 && !words.some((word) => `${row.what} ${row.against}`.includes(word))) continue
    const result = await compare(row)
    console.error(tableRow(result))
    results.push(result)
  }
}

/** What was started for some rows ends with them, also where one fails. */
async function measureAndStop({ rows, stop }: Measured): Promise<void> {
  try {
    await measure(rows)
  } finally {
    await stop()
  }
}

/** What a server sends by itself is no part of the reference's headers. */
const BY_ITSELF = new Set(['content-length', 'date', 'connection', 'keep-alive'])

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-bench-'))
  const system = await startSeedSystem()
  const { daemon } = system
  try {
    await system.login()
    const { text, headers } = await daemon.api('GET', '/v1/tokens/gw')
    const same = Object.entries(headers).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && !BY_ITSELF.has(entry[0]),
    )
    const bare = await startBareServer(text, Object.fromEntries(same), join(folder, 'bare.sock'))
    const rows = [...(await readRows(daemon, bare)), ...startRows(daemon, bare)]
    await measureAndStop({ rows, stop: () => bare.stop() })
    await measureAndStop(await daemonRows())
    await measureAndStop(await proxyRows(daemon))
    await measureAndStop(await scaleRows(daemon))
    const login = await loginRow(system)
    await measureAndStop({ rows: [login], stop: () => login.stop() })
    await measureAndStop(await refreshRows())
    await measureAndStop(await oidcAgentRows())
  } finally {
    await system.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  console.log([TABLE_HEAD, ...results.map(tableRow)].join('\n'))
  if (process.argv.includes('--check') && !results.every(isMet)) process.exitCode = 1
}

await main()
