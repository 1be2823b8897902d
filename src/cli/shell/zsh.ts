/**
 * The functions for zsh, which can open unix sockets (`zsh/net/socket`). The socket needs no key. It and its folder must
 * belong to this user; otherwise the command line explains what is wrong.
 */
import { dirname } from 'node:path'
import { singleQuoted } from '../../text/shell-word.js'
import { answerFunction } from './posix.js'
import type { ShellFacts } from './shell-init.js'

export function zshFunctions({ socketPath, exitCodes }: ShellFacts): string {
  return `# catchd shell-init zsh
${answerFunction(exitCodes)}_catchd_ask() {
  emulate -L zsh
  local format=$1 answer line body REPLY
  shift
  if [[ $# != 1 || ! $1 =~ '^[a-z0-9][a-z0-9._-]{0,63}$' ]] ||
    [[ ! -O ${singleQuoted(dirname(socketPath))} || ! -O ${singleQuoted(socketPath)} ]] ||
    ! zmodload zsh/net/socket 2>/dev/null || ! zsocket ${singleQuoted(socketPath)} 2>/dev/null
  then command catchd token "$@" --format "$format"; return; fi
  local fd=$REPLY
  printf 'GET /v1/tokens/%s HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' "$1" >&$fd
  IFS= read -r -t 75 -u $fd answer
  while IFS= read -r -u $fd line && [[ $line != $'\\r' ]]; do :; done
  IFS= read -r -d '' -u $fd body
  exec {fd}>&-
  _catchd_answer "$answer" "$body" "$format" "$1"
}
catchd_token() { _catchd_ask raw "$@" }
catchd_header() { _catchd_ask header "$@" }
`
}
