/** The table of commands: the list of `catchd help`, and the file of each command. */
import type { Command } from '@commander-js/extra-typings'
import type { Context } from './context.js'

/** What the file of a command exports. */
interface CommandFile {
  /** Adds arguments, options, subcommands and the action to a command that has its name and summary. */
  readonly define: (command: Command, context: Context) => void | Promise<void>
}

interface CommandRow {
  readonly summary: string
  readonly load: () => Promise<CommandFile>
}

export const COMMANDS: Readonly<Record<string, CommandRow>> = {
  init: { summary: 'answer a few questions and get a first token', load: () => import('./init.js') },
  login: { summary: 'log in to a profile, or at a URL, in the browser', load: () => import('./login.js') },
  token: { summary: 'print an access token, refreshed if necessary', load: () => import('./token.js') },
  exec: {
    summary: 'run a command with the access token in its environment',
    load: () => import('./exec.js'),
  },
  keep: { summary: 'keep a fresh token in a file, for tools that read one', load: () => import('./keep.js') },
  refresh: { summary: 'get a new access token now', load: () => import('./refresh.js') },
  logout: { summary: 'revoke the tokens of a profile and delete them', load: () => import('./logout.js') },
  lock: {
    summary: 'lock catchd: no token until it is unlocked, and none in memory',
    load: () => import('./lock.js'),
  },
  unlock: { summary: 'unlock catchd', load: () => import('./unlock.js') },
  inspect: {
    summary: 'show the content of tokens, and what the server knows about them',
    load: () => import('./inspect.js'),
  },
  status: {
    summary: 'show the daemon, the vault, the configuration and the profiles',
    load: () => import('./status.js'),
  },
  dashboard: {
    summary: 'open a page with profiles, logins, keys and events',
    load: () => import('./dashboard.js'),
  },
  profile: { summary: 'add, list, show, remove or edit profiles', load: () => import('./profile.js') },
  config: {
    summary: 'show or change the settings in the configuration file',
    load: () => import('./config.js'),
  },
  import: {
    summary: "make profiles from another program's configuration",
    load: () => import('./import.js'),
  },
  presets: { summary: 'list the servers that catchd knows', load: () => import('./presets.js') },
  certificate: {
    summary: 'make or show the certificate for https redirect URIs',
    load: () => import('./certificate.js'),
  },
  catch: {
    summary: 'print the next authorization response as JSON, without redeeming it',
    load: () => import('./catch.js'),
  },
  credential: {
    summary: 'act as the credential helper of git, docker, kubectl and others',
    load: () => import('./credential/credential.js'),
  },
  proxy: {
    summary: 'run a local proxy that adds the Authorization header',
    load: () => import('./proxy.js'),
  },
  forward: {
    summary: 'give another machine or a container limited access for a while',
    load: () => import('./forward.js'),
  },
  'shell-init': {
    summary: 'print shell functions that get tokens without starting a process',
    load: () => import('./shell/shell-init.js'),
  },
  completion: {
    summary: 'print a script for the completion of your shell',
    load: () => import('./completion/completion.js'),
  },
  client: { summary: 'add, list or remove API keys', load: () => import('./api-key.js') },
  vault: { summary: 'show the vault, or move to another one', load: () => import('./vault.js') },
  service: {
    summary: 'start catchd with your session, or on its first use',
    load: () => import('./service.js'),
  },
  doctor: { summary: 'find problems, and the command to fix each', load: () => import('./doctor.js') },
  daemon: {
    summary: 'run, start, stop or restart the daemon, or show its log',
    load: () => import('./daemon.js'),
  },
  demo: {
    summary: 'show a complete login on this machine, without your own server',
    load: () => import('./demo.js'),
  },
}
