/** The functions for fish, which cannot open sockets. They run the command line. */
import type { ShellFacts } from './shell-init.js'

export function fishFunctions(_facts: ShellFacts): string {
  return `# catchd shell-init fish
function catchd_token
    command catchd token $argv
end
function catchd_header
    command catchd token $argv --format header
end
`
}
