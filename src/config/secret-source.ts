/** Words for the source of a client secret, and the command that stores another one. Pure. Never the secret itself. */

/** As the schema of the configuration reads it, and as the API shows it. */
type Source =
  | string
  | { readonly keychain: true }
  | { readonly env: string }
  | { readonly file: string }
  | { readonly command: readonly string[] }

/** The end of a sentence: `the environment variable GW_SECRET of the daemon`. Arguments of a command are left out. */
export function sourceInWords(source: Source): string {
  if (typeof source === 'string') return 'the configuration file'
  if ('keychain' in source) return 'the vault'
  if ('env' in source) return `the environment variable ${source.env} of the daemon`
  if ('file' in source) return `the file ${source.file}`
  return `the command ${source.command[0]}`
}

/** Asks for a secret and puts it into the vault, whatever the source was before. */
export function setSecretCommand(profile: string): string {
  return `catchd profile set-secret ${profile}`
}
