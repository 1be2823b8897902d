/** `catchd import PROGRAM [FILE]`: makes profiles from another program's configuration. */
import { Argument, type Command } from '@commander-js/extra-typings'
import { CatchdError } from '../failures.js'
import { type NamedFileRule, readNamedFile } from '../files/named-file.js'
import { readBruno, readPostman } from '../import/api-clients.js'
import { readGoogleClient } from '../import/google-client.js'
import type { Imported, ImportedProfile, Reader } from '../import/import.js'
import { readKubeconfig } from '../import/kubeconfig.js'
import { readMcpHost } from '../import/mcp-hosts.js'
import { readOidcAgent } from '../import/oidc-agent.js'
import { readPizauth } from '../import/pizauth.js'
import { shellWord } from '../text/shell-word.js'
import type { Context } from './context.js'
import { addList } from './help.js'
import { readAll } from './line-input.js'
import { isUrl } from './login-url.js'
import { printJson, printNote, printResult, styled } from './output.js'

const PROGRAMS: Readonly<Record<string, { readonly read: Reader; readonly input: string }>> = {
  'oidc-agent': { read: readOidcAgent, input: 'oidc-gen --print NAME' },
  pizauth: { read: readPizauth, input: '~/.config/pizauth.conf' },
  mcp: { read: readMcpHost, input: "an MCP host's configuration, with or without mcp-remote" },
  kubeconfig: { read: readKubeconfig, input: 'kubectl config view --raw --output json' },
  google: { read: readGoogleClient, input: 'client_secret_….json of the Google Cloud console' },
  postman: { read: readPostman, input: 'an exported collection' },
  bruno: { read: readBruno, input: 'a .bru file' },
}

/** Its text is only looked at here, and the profiles are shown. */
const RULE: NamedFileRule = { largestKiB: 1024, others: 'write' }

interface Written {
  readonly profile: string
  readonly notes: readonly string[]
}

export function define(command: Command, context: Context): void {
  addList(
    command,
    'Input:',
    Object.entries(PROGRAMS).map(([name, { input }]) => [name, input]),
  )
  command
    .addArgument(new Argument('<program>', 'program of the configuration').choices(Object.keys(PROGRAMS)))
    .argument('[file]', 'file to read; stdin by default')
    .option('--json', 'print the result as JSON')
    .action(async (program, file, { json }) => {
      const text = file === undefined ? await readAll({ largestKiB: RULE.largestKiB }) : await readText(file)
      const imported = PROGRAMS[program]?.read(text) ?? { profiles: [], urls: [] }
      const taken = new Set((await context.client.profiles()).map(({ profile }) => profile))
      const written: Written[] = []
      for (const profile of imported.profiles) written.push(await write(context, profile, taken))
      if (json) printJson({ profiles: written, urls: imported.urls })
      else print(written, imported)
    })
}

/** An existing profile is not overwritten. The imported profile gets another name. */
async function write(
  { client }: Context,
  { name, entry, notes }: ImportedProfile,
  taken: Set<string>,
): Promise<Written> {
  const profile = freeName(profileName(name), taken)
  taken.add(profile)
  await client.putProfile(profile, entry)
  return { profile, notes: notes.map((note) => note.replace('{profile}', profile)) }
}

/** The wanted name, or with a number after it if it is taken. */
export function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted
  for (let number = 2; taken.has(name); number += 1) name = `${wanted}-${number}`
  return name
}

function print(written: readonly Written[], { urls }: Imported): void {
  for (const { profile, notes } of written) {
    printResult(styled('green', `Imported: ${profile}`))
    for (const note of notes) printNote(`  ${note}`)
    printNote(`  → catchd login ${profile}`)
  }
  for (const { name, url } of urls) {
    if (isUrl(url)) printResult(`catchd login ${shellWord(url)} --name ${profileName(name)}`)
    else printNote(`Not imported: ${name}, because ${url} is not an http or https URL.`)
  }
}

/** Makes a valid profile name from the name in the other program. */
function profileName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|-+$/g, '')
  return name.slice(0, 60) || 'imported'
}

async function readText(file: string): Promise<string> {
  const content = await readNamedFile(
    file,
    RULE,
    ({ cause }) =>
      new CatchdError('request_invalid', { detail: `${file} ${cause}`, next: 'catchd import --help' }),
  )
  return content.toString('utf8')
}
