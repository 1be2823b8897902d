/** A login command of either side: started, then waiting for the browser that this process plays. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const SHOWS_URL_WITHIN_MS = 10_000
/** Complete: more of its line has come. */
const AUTHORIZATION_URL = /http:\/\/127\.0\.0\.1:\d+\/auth\?\S+(?=\s)/

export interface LoginCommand {
  /** What it logs in to. */
  readonly name: string
  readonly authorizationUrl: string
  /** Resolves when it returned. Rejects with its output when that was no success. */
  readonly returned: Promise<void>
}

/** Resolves once it has shown the authorization URL. @throws Error with its output where it does not */
export async function beginLogin(
  name: string,
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<LoginCommand> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const returned = once(child, 'exit').then(([exitCode]) => {
    if (exitCode !== 0) throw new Error(`${command} ended with ${exitCode}:\n${output}`)
  })
  returned.catch(() => {}) // it may be awaited late
  const shown = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8')
        const [url] = AUTHORIZATION_URL.exec(output) ?? []
        if (url !== undefined) resolve(url)
      })
    }
  })
  const timer = setTimeout(() => child.kill(), SHOWS_URL_WITHIN_MS)
  const authorizationUrl = await Promise.race([shown, returned])
  clearTimeout(timer)
  if (authorizationUrl === undefined) throw new Error(`${command} shows no URL:\n${output}`)
  return { name, authorizationUrl, returned }
}
