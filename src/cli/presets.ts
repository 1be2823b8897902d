/** `catchd presets [NAME]`: the servers that catchd knows. Static data: no daemon is needed. */
import type { Command } from 'commander'

export function definePresets(command: Command): void {
  command.argument('[name]', 'one of them')
}
