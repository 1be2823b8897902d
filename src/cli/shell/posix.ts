/** The common part of the functions for bash and zsh: reading the answer. */

/**
 * `_catchd_print ANSWER FORMAT`: prints the token of the HTTP answer. It fails if the answer is no token, or its JSON
 * contains a backslash, is incomplete or is not plain ASCII. The command line then asks again: it can parse JSON, says why
 * there is no token and which command helps, and knows what a terminal must not get.
 */
export const PRINT_FUNCTION = `_catchd_print() {
  local q='"' body=\${1#*$'\\r\\n\\r\\n'} type token
  [[ $1 == 'HTTP/1.1 200 '* && $body == '{'*'}' && $body != *\\\\* && $body != *[!\\ -~]* ]] || return
  token=\${body#*\${q}access_token\${q}:\${q}}
  type=\${body#*\${q}token_type\${q}:\${q}}
  [[ $token != "$body" && $type != "$body" ]] || return
  if [[ $2 == header ]]; then printf 'Authorization: %s %s\\n' "\${type%%\${q}*}" "\${token%%\${q}*}"
  else printf '%s\\n' "\${token%%\${q}*}"; fi
}
`

/** The functions of a shell that cannot ask the daemon itself. */
export const PLAIN_FUNCTIONS = `catchd_token() { command catchd token "$@"; }
catchd_header() { command catchd token "$@" --format header; }
`

/**
 * The functions of a shell that can: `_catchd_ask FORMAT NAME` prints the token, or fails before it has printed anything.
 * As the left side of `||` it runs without `set -e` and without the ERR trap.
 */
export const ASKING_FUNCTIONS = `catchd_token() { _catchd_ask raw "$@" || command catchd token "$@" --format raw; }
catchd_header() { _catchd_ask header "$@" || command catchd token "$@" --format header; }
`
