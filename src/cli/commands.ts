/** The table of commands: what `catchd help` lists, and which file to load for one of them. */
import type { Command } from 'commander'
import type { Context } from './context.js'

/** Adds arguments, options, subcommands and the action to a command that has its name and summary already. */
export type Define = (command: Command, context: Context) => void | Promise<void>

export interface CommandRow {
  readonly summary: string
  readonly load: () => Promise<Define>
}

export const COMMANDS: Readonly<Record<string, CommandRow>> = {
  init: {
    summary: 'answer a few questions and have a first token',
    load: async () => (await import('./init.js')).defineInit,
  },
  login: {
    summary: 'log in to a profile, or at a URL, in the browser',
    load: async () => (await import('./login.js')).defineLogin,
  },
  token: {
    summary: 'print an access token, refreshed first where needed',
    load: async () => (await import('./token.js')).defineToken,
  },
  exec: {
    summary: 'run a command with the access token in its environment',
    load: async () => (await import('./exec.js')).defineExec,
  },
  keep: {
    summary: 'keep a file with a fresh token, for tools that read one',
    load: async () => (await import('./keep.js')).defineKeep,
  },
  refresh: {
    summary: 'get a new access token now',
    load: async () => (await import('./refresh.js')).defineRefresh,
  },
  logout: {
    summary: 'revoke the tokens of a profile and forget them',
    load: async () => (await import('./logout.js')).defineLogout,
  },
  inspect: {
    summary: 'show what the tokens of a profile say, and what the server says about them',
    load: async () => (await import('./inspect.js')).defineInspect,
  },
  status: {
    summary: 'show the daemon, the vault, the configuration and the profiles',
    load: async () => (await import('./status.js')).defineStatus,
  },
  dashboard: {
    summary: 'open the page that shows profiles, logins, keys and what happens',
    load: async () => (await import('./dashboard.js')).defineDashboard,
  },
  profile: {
    summary: 'add, list, show, remove or edit profiles',
    load: async () => (await import('./profile.js')).defineProfile,
  },
  import: {
    summary: "make profiles from another program's configuration",
    load: async () => (await import('./import.js')).defineImport,
  },
  presets: {
    summary: 'list the servers that are known',
    load: async () => (await import('./presets.js')).definePresets,
  },
  certificate: {
    summary: 'make or show the certificate for https redirect URIs',
    load: async () => (await import('./certificate.js')).defineCertificate,
  },
  catch: {
    summary: 'print the next authorization response as JSON, redeem nothing',
    load: async () => (await import('./catch.js')).defineCatch,
  },
  credential: {
    summary: "answer another tool's credential helper protocol (git, docker, kubectl, …)",
    load: async () => (await import('./credential/credential.js')).defineCredential,
  },
  proxy: {
    summary: 'a local reverse proxy that adds the Authorization header',
    load: async () => (await import('./proxy.js')).defineProxy,
  },
  forward: {
    summary: 'let another machine or a container use some profiles for a while',
    load: async () => (await import('./forward.js')).defineForward,
  },
  'shell-init': {
    summary: 'print shell functions that fetch tokens without starting a process',
    load: async () => (await import('./shell/shell-init.js')).defineShellInit,
  },
  completion: {
    summary: 'print a script that lets your shell complete command lines',
    load: async () => (await import('./completion/completion.js')).defineCompletion,
  },
  client: {
    summary: 'add, list or remove API keys',
    load: async () => (await import('./api-key.js')).defineClient,
  },
  vault: {
    summary: 'show the vault, or move to another',
    load: async () => (await import('./vault.js')).defineVault,
  },
  service: {
    summary: 'start catchd with your session, or on its first use',
    load: async () => (await import('./service.js')).defineService,
  },
  doctor: {
    summary: 'find out what is wrong here, and how to put it right',
    load: async () => (await import('./doctor.js')).defineDoctor,
  },
  daemon: {
    summary: 'run, start, stop or restart the daemon, or show its log',
    load: async () => (await import('./daemon.js')).defineDaemon,
  },
  demo: {
    summary: 'see a whole login on this machine, without a server of your own',
    load: async () => (await import('./demo.js')).defineDemo,
  },
}
