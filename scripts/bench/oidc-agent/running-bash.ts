/** A bash that runs on, as a person's does: functions are defined once, and its own clock measures them. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

export class RunningBash {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>

  /** @param definitions - What it evaluates first. */
  constructor(definitions: string, env: Record<string, string>) {
    this.#child = spawn('bash', ['--noprofile', '--norc'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdin.write(`${definitions}\n`)
  }

  /** Milliseconds that the line takes, on average over so many times. @throws Error when it fails once */
  async perCall(line: string, times: number): Promise<number> {
    this.#child.stdin.write(`
      _bench() {
        local count started=\${EPOCHREALTIME//[!0-9]/}
        for ((count = 0; count < ${times}; count++)); do ${line} || return; done
        printf '%s\\n' "$((\${EPOCHREALTIME//[!0-9]/} - started))"
      }
      _bench || echo failed\n`)
    const [answer] = (await once(this.#child.stdout, 'data')) as [Buffer]
    const microseconds = Number(answer.toString())
    if (Number.isNaN(microseconds)) throw new Error(`${line}: ${answer.toString()}`)
    return microseconds / times / 1000
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.stdin.end()
    await ended
  }
}
