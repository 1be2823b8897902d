/**
 * Names the program that runs a helper: the parent process. A tool that keeps its token and asks again only after a server
 * refused it has no other way to say so, and the daemon recognizes the second question by this name.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'

/** These run a helper as often as their script says, which tells nothing about the token. */
const RUNS_SCRIPTS = /^(?:\w*sh|busybox|python[\d.]*)$/

/** A helper that was left alone belongs to the first process, and so do all others. */
const FIRST_PROCESS = 1

/** @returns `undefined` if nothing can be said about the parent process. */
export function askerOf(tool: string, question: string): string | undefined {
  const parent = process.ppid > FIRST_PROCESS ? processName(process.ppid) : undefined
  if (parent === undefined) return undefined
  return createHash('sha256')
    .update(JSON.stringify([tool, question, parent]))
    .digest('hex')
}

/**
 * The id of a process, and on Linux its start, because ids are used again, and its program, because one can replace
 * itself with another (the kubectl of Google's SDK does, after it has asked for the cluster's version).
 */
function processName(id: number): string | undefined {
  if (process.platform !== 'linux') return String(id)
  try {
    const program = readlinkSync(`/proc/${id}/exe`)
    if (RUNS_SCRIPTS.test(basename(program))) return undefined
    return `${id} ${startOf(readFileSync(`/proc/${id}/stat`, 'utf8'))} ${program}`
  } catch {
    return undefined // it has just ended, or belongs to another user
  }
}

/** proc_pid_stat(5): field 22. The name of the program, the second one, can contain spaces and parentheses. */
function startOf(stat: string): string | undefined {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}
