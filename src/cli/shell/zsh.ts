/**
 * The functions for zsh, which can open unix sockets (`zsh/net/socket`). The socket needs no key. It and its folder must
 * belong to this user; otherwise the command line explains what is wrong. The options of the script do not apply inside: a
 * trace would show the token.
 */
import { dirname } from 'node:path'
import { singleQuoted } from '../../text/shell-word.js'
import { ASKING_FUNCTIONS, PRINT_FUNCTION } from './posix.js'
import type { ShellFacts } from './shell-init.js'

export function zshFunctions({ socketPath }: ShellFacts): string {
  return `# catchd shell-init zsh
${PRINT_FUNCTION}_catchd_ask() {
  { emulate -L zsh; setopt no_xtrace no_err_exit no_err_return no_all_export unset; } 2>/dev/null
  local IFS=$' \\t\\n' LC_ALL=C format=$1 answer='' line='' body='' REPLY=''
  shift
  if [[ $# != 1 || ! $1 =~ '^[a-z0-9][a-z0-9._-]{0,63}$' ]] ||
    [[ ! -O ${singleQuoted(dirname(socketPath))} || ! -O ${singleQuoted(socketPath)} ]] ||
    ! zmodload zsh/net/socket 2>/dev/null || ! zsocket ${singleQuoted(socketPath)} 2>/dev/null
  then return 1; fi
  local fd=$REPLY
  printf 'GET /v1/tokens/%s HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' "$1" >&$fd
  IFS= read -r -t 75 -u $fd answer
  while IFS= read -r -u $fd line && [[ $line != $'\\r' ]]; do :; done
  IFS= read -r -d '' -u $fd body
  exec {fd}>&-
  _catchd_print "$answer"$'\\n\\r\\n'"$body" "$format"
}
${ASKING_FUNCTIONS}`
}
