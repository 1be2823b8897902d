/** The table of commands: the list of `catchd help`, and the file of each command. */
import type { Command, CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Context } from './context.js'
import { EXAMPLES } from './examples.js'
import { addExamples } from './help.js'

/** What the file of a command exports. */
interface CommandFile {
  /** Adds arguments, options, subcommands and the action to a command that has its name and summary. */
  readonly define: (command: Command, context: Context) => void | Promise<void>
}

type Group = 'Log in' | 'Use tokens' | 'Manage' | 'This machine' | 'Help'

interface CommandRow {
  readonly summary: string
  /** The job that it is for. */
  readonly group: Group
  /** Whether the short help of catchd explains it, or only names it. */
  readonly isMostUsed?: true
  readonly load: () => Promise<CommandFile>
}

/** In the order of the help: by group, the most used ones first. */
export const COMMANDS: Readonly<Record<string, CommandRow>> = {
  init: {
    summary: 'answer a few questions and get a first token',
    group: 'Log in',
    isMostUsed: true,
    load: () => import('./init.js'),
  },
  login: {
    summary: 'log in to a profile, or at a URL, in the browser',
    group: 'Log in',
    isMostUsed: true,
    load: () => import('./login.js'),
  },
  logout: {
    summary: 'revoke the tokens of a profile and delete them',
    group: 'Log in',
    isMostUsed: true,
    load: () => import('./logout.js'),
  },
  refresh: { summary: 'get a new access token now', group: 'Log in', load: () => import('./refresh.js') },
  status: {
    summary: 'show the daemon, the vault, the configuration and the profiles',
    group: 'Log in',
    isMostUsed: true,
    load: () => import('./status.js'),
  },
  token: {
    summary: 'print an access token, refreshed if necessary',
    group: 'Use tokens',
    isMostUsed: true,
    load: () => import('./token.js'),
  },
  exec: {
    summary: 'run a command with the access token in its environment',
    group: 'Use tokens',
    isMostUsed: true,
    load: () => import('./exec.js'),
  },
  credential: {
    summary: 'act as a credential helper for git, docker and other tools',
    group: 'Use tokens',
    isMostUsed: true,
    load: () => import('./credential/credential.js'),
  },
  proxy: {
    summary: 'run a local proxy that adds the Authorization header',
    group: 'Use tokens',
    isMostUsed: true,
    load: () => import('./proxy.js'),
  },
  keep: {
    summary: 'keep a fresh token in a file, for tools that read one',
    group: 'Use tokens',
    load: () => import('./keep.js'),
  },
  'shell-init': {
    summary: 'print shell functions that get tokens without a new process',
    group: 'Use tokens',
    load: () => import('./shell/shell-init.js'),
  },
  forward: {
    summary: 'give another machine or a container access for a while',
    group: 'Use tokens',
    load: () => import('./forward.js'),
  },
  inspect: {
    summary: 'show what the tokens contain and what the server knows',
    group: 'Use tokens',
    load: () => import('./inspect.js'),
  },
  catch: {
    summary: 'print the next authorization response, without redeeming it',
    group: 'Use tokens',
    load: () => import('./catch.js'),
  },
  profile: {
    summary: 'add, list, show, remove or edit profiles',
    group: 'Manage',
    isMostUsed: true,
    load: () => import('./profile.js'),
  },
  config: {
    summary: 'show or change the settings in the configuration file',
    group: 'Manage',
    load: () => import('./config.js'),
  },
  client: {
    summary: 'add, list or remove API keys',
    group: 'Manage',
    isMostUsed: true,
    load: () => import('./api-key.js'),
  },
  dashboard: {
    summary: 'open a page with profiles, logins, keys and events',
    group: 'Manage',
    isMostUsed: true,
    load: () => import('./dashboard.js'),
  },
  doctor: {
    summary: 'find problems, and the commands that fix them',
    group: 'Manage',
    isMostUsed: true,
    load: () => import('./doctor.js'),
  },
  presets: {
    summary: 'list the servers that catchd knows',
    group: 'Manage',
    load: () => import('./presets.js'),
  },
  import: {
    summary: "make profiles from another program's configuration",
    group: 'Manage',
    load: () => import('./import.js'),
  },
  daemon: {
    summary: 'run, start, stop or restart the daemon, or show its log',
    group: 'This machine',
    load: () => import('./daemon.js'),
  },
  service: {
    summary: 'start catchd with your session, or on its first use',
    group: 'This machine',
    load: () => import('./service.js'),
  },
  vault: {
    summary: 'show the vault, or move to another one',
    group: 'This machine',
    load: () => import('./vault.js'),
  },
  lock: {
    summary: 'lock catchd: it gives out no tokens until you unlock it',
    group: 'This machine',
    load: () => import('./lock.js'),
  },
  unlock: { summary: 'unlock catchd', group: 'This machine', load: () => import('./unlock.js') },
  certificate: {
    summary: 'make or show the certificate for https redirect URIs',
    group: 'This machine',
    load: () => import('./certificate.js'),
  },
  completion: {
    summary: 'print a script for the completion of your shell',
    group: 'This machine',
    load: () => import('./completion/completion.js'),
  },
  demo: {
    summary: 'show a complete login on this machine',
    group: 'Help',
    load: () => import('./demo.js'),
  },
  help: {
    summary: 'show the options and examples of a command',
    group: 'Help',
    load: () => import('./help-command.js'),
  },
  version: { summary: 'print the version', group: 'Help', load: () => import('./version.js') },
}

/** Loads the file of a command, and defines the command with its help. */
export async function defineCommand(command: CommandUnknownOpts, context: Context): Promise<void> {
  const row = COMMANDS[command.name()]
  if (row === undefined) return
  await (await row.load()).define(command.summary(row.summary) as Command, context)
  addExamplesTo(command, command.name())
}

function addExamplesTo(command: CommandUnknownOpts, path: string): void {
  addExamples(command, EXAMPLES[path] ?? [])
  for (const nested of command.commands) addExamplesTo(nested, `${path} ${nested.name()}`)
}
