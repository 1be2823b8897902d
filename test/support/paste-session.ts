/**
 * Pastes blocks of a page as a person would, one after the other: into a shell whose variables last from one block to
 * the next, or into the file that the paragraph above the block names. Hosts, ports and keys of the page are put right
 * before.
 */
import { spawn } from 'node:child_process'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { MarkdownBlock } from './markdown-blocks.js'
import type { ToolBench } from './tool-system.js'

/** What stands in the pages, and what it is here; the first that fits is taken. */
export type Names = readonly (readonly [page: string | RegExp, here: string])[]

/** Commands that serve until somebody stops them: what they print is waited for, and no end. */
const SERVES = /^catchd (?:proxy|keep \S+ (?!.*--\s))/
const PRINTS_WITHIN_MS = 30_000

export class PasteSession {
  readonly #bench: ToolBench
  readonly #names: Names
  /** What commands print that a page leaves open, by what the page prints. */
  readonly #printed: [string, string][] = []
  #env: Record<string, string>
  /** Called with what a running command has printed so far, for what a person would do then. */
  onOutput: (text: string) => void = () => {}

  constructor(bench: ToolBench, env: Readonly<Record<string, string>>, names: Names) {
    this.#bench = bench
    this.#env = { ...env }
    this.#names = names
  }

  get env(): Readonly<Record<string, string>> {
    return this.#env
  }

  put(text: string): string {
    return this.#names.reduce((all, [page, here]) => all.replaceAll(toPattern(page), () => here), text)
  }

  /** @throws Error with what was printed, when it fails */
  async shell(text: string): Promise<string> {
    const variables = join(this.#bench.folder, '.variables')
    const lines = `set -eu -o pipefail\n${this.put(text)}\nenv -0 > ${variables}`
    const { exitCode, stdout, stderr } = await this.#bench.shell(lines, this.#env)
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}\n${stdout}${stderr}`)
    const entries = (await readFile(variables, 'utf8')).split('\0').filter((entry) => entry !== '')
    this.#env = Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2)))
    return stdout
  }

  /** Each command prints what stands under it; `…` is whatever it is. @throws Error with what was printed instead */
  async console(text: string): Promise<void> {
    const [first = '', ...parts] = text.split(/^\$ /m)
    if (first !== '' || parts.length === 0) throw new Error('It does not begin with a command.')
    for (const part of parts) {
      const [command = '', ...lines] = this.put(part).trimEnd().split('\n')
      const expected = lines.join('\n')
      const pattern = new RegExp(`^${expected.split('…').map(escaped).join('(?:.|\n)*?')}\\s*$`)
      const output = await this.#run(this.#known(command), pattern)
      if (!pattern.test(output)) throw new Error(`$ ${command}\nprinted\n${output}\nin place of\n${expected}`)
      if (expected.includes('…')) this.#printed.push([expected, output.trim()])
    }
  }

  /** @returns Where it was written. */
  async file({ text, before }: Pick<MarkdownBlock, 'text' | 'before'>): Promise<string> {
    const name = [...before.matchAll(/`(~\/[^`]+|\.?[\w-]+\.\w+)`/g)].at(-1)?.[1]
    if (name === undefined) throw new Error('The paragraph above names no file.')
    const path = resolve(this.#bench.folder, name.replace(/^~\//, ''))
    await mkdir(dirname(path), { recursive: true })
    const write = /\badd to\b/i.test(before) ? appendFile : writeFile
    await write(path, this.put(text), { mode: 0o600 })
    return path
  }

  #known(command: string): string {
    return this.#printed.reduce((all, [page, here]) => all.replaceAll(page, () => here), command)
  }

  async #run(command: string, until: RegExp): Promise<string> {
    const child = spawn('bash', ['-c', `exec 2>&1; ${SERVES.test(command) ? 'exec ' : ''}${command}`], {
      env: this.#env,
      cwd: this.#bench.folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    this.#bench.after(() => child.kill('SIGKILL'))
    let output = ''
    await new Promise<void>((done) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), PRINTS_WITHIN_MS)
      const end = () => {
        clearTimeout(timer)
        done()
      }
      child.on('close', end)
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8')
        this.onOutput(output)
        if (SERVES.test(command) && output.endsWith('\n') && until.test(output)) end()
      })
    })
    return output
  }
}

function toPattern(page: string | RegExp): string | RegExp {
  return typeof page === 'string' ? page : new RegExp(page, 'g')
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
