/**
 * `catchd profile edit`: opens the configuration file in the user's editor and checks it afterwards. The daemon reads a
 * valid file automatically, and keeps the last valid configuration if the file is invalid.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { SKELETON } from '../config/edit.js'
import { parseConfiguration } from '../config/file.js'
import { ensureFolder } from '../config/folders.js'
import { interpret } from '../config/interpret.js'
import { publishSchema } from '../config/json-schema.js'
import { daemonSettings } from '../config/settings.js'
import { readSnapshot } from '../config/snapshot.js'
import { suggestion } from '../config/suggestion.js'
import { writeDurably } from '../config/write.js'
import { CatchdError } from '../failures.js'
import { withoutVariables } from '../text/without-variables.js'
import type { Context } from './context.js'
import { printJson, printNote, printResult } from './output.js'

/** @throws CatchdError `config_invalid` if the saved file is invalid; `profile_unknown`; `request_invalid` */
export async function editConfiguration(
  context: Context,
  name: string | undefined,
  json: true | undefined,
): Promise<void> {
  const { configFile: path } = context.folders
  const editor = chooseEditor()
  await makeIfMissing(context)
  if (name !== undefined) await requireProfile(path, name)
  await runEditor(editor, path)
  const profiles = await check(context)
  if (json) return printJson({ path, ok: true, profiles })
  printResult(`${path} is valid: ${profiles} ${profiles === 1 ? 'profile' : 'profiles'}.`)
}

function chooseEditor(): string {
  const chosen = process.env['VISUAL'] || process.env['EDITOR']
  if (chosen) return chosen
  if (process.stdin.isTTY && process.stdout.isTTY) return process.platform === 'win32' ? 'notepad' : 'vi'
  throw new CatchdError('request_invalid', {
    detail: 'Neither VISUAL nor EDITOR is set, and there is no terminal for the default editor.',
    next: 'catchd help profile',
  })
}

async function makeIfMissing(context: Context): Promise<void> {
  const { configFolder, configFile } = context.folders
  await ensureFolder(configFolder)
  const text = await readSnapshot(configFile)
  if (text.trim() !== '') return
  await publishSchema(configFolder)
  await writeDurably(configFile, SKELETON)
}

/** An invalid file is opened without this check, so that the user can fix it. */
async function requireProfile(path: string, name: string): Promise<void> {
  const text = await readSnapshot(path)
  let names: string[]
  try {
    names = [...parseConfiguration(text, path).profiles.keys()]
  } catch (error) {
    if (error instanceof CatchdError) return printNote(`The file is not valid: ${error.message}`)
    throw error
  }
  if (names.includes(name)) return
  throw new CatchdError('profile_unknown', {
    detail: `There is no profile "${name}".${suggestion(name, names)}`,
    profile: name,
  })
}

/** $EDITOR can contain arguments and quotes, so a shell runs it, as in other programs. */
async function runEditor(editor: string, path: string): Promise<void> {
  const child =
    process.platform === 'win32'
      ? spawn(`${editor} "${path}"`, { stdio: 'inherit', shell: true })
      : spawn('/bin/sh', ['-c', `${editor} "$@"`, 'editor', path], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code === 0) return
  throw new CatchdError('request_invalid', {
    detail: `The editor ended with ${code === null ? 'a signal' : `exit code ${code}`}.`,
    next: withoutVariables(['VISUAL', 'EDITOR'], 'catchd profile edit'),
  })
}

/** @returns The number of profiles. */
async function check(context: Context): Promise<number> {
  const { configFile, configFolder } = context.folders
  const text = await readSnapshot(configFile)
  const parsed = parseConfiguration(text, configFile)
  const { redirectPort } = daemonSettings(context.environment, parsed.daemon)
  const { warnings } = interpret(parsed, { redirectPort, configFolder })
  for (const warning of warnings) printNote(`Warning: ${warning}`)
  return parsed.profiles.size
}
