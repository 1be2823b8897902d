/**
 * The functions for bash, which can use TCP itself (`/dev/tcp`) if it was built with that. The key is sent only to a
 * listener of the same user, because another user may have the port while the daemon is not running.
 *
 * The options of the script do not apply inside (`local -`, bash 4.4): a trace would show the key and the token, and
 * `set -e` or `set -u` would end the script.
 *
 * The answer is read with `-N` up to the end of the connection, because every other `read` gets one byte at a time from a
 * socket. Longer answers are left to the command line. Only the first byte has a time limit, because a `read` with a time
 * limit takes twice as long. The lines of /proc/net/tcp are 150 bytes long: for a larger read, Linux goes through all its
 * tables to fill the buffer, again for each line.
 */
import { singleQuoted } from '../../text/shell-word.js'
import { ASKING_FUNCTIONS, PLAIN_FUNCTIONS, PRINT_FUNCTION } from './posix.js'
import type { ShellFacts } from './shell-init.js'

export function bashFunctions({ apiPort, keyFile }: ShellFacts): string {
  const port = apiPort.toString(16).toUpperCase().padStart(4, '0')
  return `# catchd shell-init bash
if [[ \${BASH_VERSINFO[0]} -lt 4 || ( \${BASH_VERSINFO[0]} -eq 4 && \${BASH_VERSINFO[1]} -lt 4 ) ]]; then
${PLAIN_FUNCTIONS}else
${PRINT_FUNCTION}_catchd_listens() {
  local -a fields
  local line
  while IFS= read -r -N 150 line; do
    if [[ $line != *':${port} 00000000:0000 0A '*$'\\n' ]]; then continue; fi
    fields=($line)
    if [[ \${fields[1]} == 0100007F:${port} || \${fields[1]} == 7F000001:${port} ]]
    then [[ \${fields[7]} == "$UID" ]]; return; fi
  done </proc/net/tcp
  return 1
}
_catchd_ask() {
  { local -; set +aefuxCT +o posix; } 2>/dev/null
  local IFS=$' \\t\\n' LC_ALL=C format=$1 key='' first='' answer='' fd
  shift
  if [[ $# != 1 || ! $1 =~ ^[a-z0-9][a-z0-9._-]{0,63}$ ]] || ! _catchd_listens 2>/dev/null ||
    ! { read -r key <${singleQuoted(keyFile)} || [[ -n $key ]]; } 2>/dev/null ||
    ! { exec {fd}<>/dev/tcp/127.0.0.1/${apiPort}; } 2>/dev/null
  then return 1; fi
  printf 'GET /v1/tokens/%s HTTP/1.1\\r\\nHost: 127.0.0.1:${apiPort}\\r\\nAuthorization: Bearer %s\\r\\nConnection: close\\r\\n\\r\\n' \\
    "$1" "$key" >&"$fd"
  IFS= read -r -t 75 -N 1 -u "$fd" first && IFS= read -r -N 65536 -u "$fd" answer
  exec {fd}>&-
  _catchd_print "$first$answer" "$format"
}
${ASKING_FUNCTIONS}fi
`
}
