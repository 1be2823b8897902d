/** What a program in TypeScript sees of the package: its declarations, without any other package. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-types-'))
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true })
  // The package as npm installs it: only what it publishes, so that nothing of the checkout helps out.
  mkdirSync(join(folder, 'node_modules', 'catchd'))
  for (const name of ['package.json', 'dist']) {
    execFileSync('cp', ['-r', join(ROOT, name), join(folder, 'node_modules', 'catchd', name)])
  }
  symlinkSync(join(ROOT, 'node_modules', '@types', 'node'), join(folder, 'node_modules', '@types', 'node'))
  symlinkSync(join(ROOT, 'node_modules', 'undici-types'), join(folder, 'node_modules', 'undici-types'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** @param libraries - Whether declarations of others are believed; ours are checked. */
function compile(source: string, libraries = false): string {
  writeFileSync(join(folder, 'program.ts'), source)
  const options = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
    '--skipLibCheck',
    String(libraries),
  ]
  try {
    execFileSync(
      process.execPath,
      [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, 'program.ts'],
      {
        cwd: folder,
        stdio: 'pipe',
      },
    )
    return ''
  } catch (error) {
    return String((error as { stdout?: Buffer }).stdout)
  }
}

test('a program compiles against them, without skipLibCheck', () => {
  const complaint = compile(`
    import { CatchdClient, CatchdError } from 'catchd'
    const client = new CatchdClient()
    const { access_token, expires_in } = await client.token('gw', { minTtl: 300 })
    const seconds: number | null = expires_in
    const response: Response = await client.fetch('gw', 'https://api.example.com/')
    await client.putProfile('gw', { issuer: 'https://id.example.com', client_id: access_token })
    try { await client.refresh('gw') } catch (error) {
      if (error instanceof CatchdError && error.code === 'login_required') console.log(error.next, seconds, response.ok)
    }
  `)
  expect(complaint).toBe('')
})

test('so does an MCP host, whose SDK takes the provider', () => {
  mkdirSync(join(folder, 'node_modules', '@modelcontextprotocol'))
  const sdk = join('node_modules', '@modelcontextprotocol', 'sdk')
  symlinkSync(join(ROOT, sdk), join(folder, sdk))
  const complaint = compile(
    `
    import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
    import { CatchdClient } from 'catchd'
    import { catchdAuthProvider } from 'catchd/mcp'
    const url = new URL('https://mcp.example.com/mcp')
    new StreamableHTTPClientTransport(url, { authProvider: catchdAuthProvider({ url }) })
    const client = new CatchdClient({ start: true })
    catchdAuthProvider({ profile: 'mcp', client, waitSeconds: 0, onLogin: (where: string) => console.log(where) })
    for await (const { event, at, profile } of client.events({ signal: AbortSignal.timeout(1) })) console.log(event, at, profile)
  `,
    true,
  )
  expect(complaint).toBe('')
})

test('and a mistake is seen', () => {
  expect(compile(`import { CatchdClient } from 'catchd'; new CatchdClient().token(42)`)).toContain('TS2345')
})
