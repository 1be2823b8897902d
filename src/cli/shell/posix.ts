/** The common part of the functions for bash and zsh: reading the answer. */

/** The branches of a `case` that map failure codes to exit codes. */
export function exitCodeArms(exitCodes: ReadonlyMap<string, number>): string {
  const byExit = new Map<number, string[]>()
  for (const [code, exitCode] of exitCodes) byExit.set(exitCode, [...(byExit.get(exitCode) ?? []), code])
  return [...byExit].map(([exitCode, codes]) => `    ${codes.join('|')}) return ${exitCode} ;;`).join('\n')
}

/**
 * `_catchd_answer STATUS BODY FORMAT NAME`: prints the token, or the API's code and cause on stderr. If the JSON contains
 * a backslash, is incomplete or is not plain ASCII, the function runs the command line, which can parse JSON and knows what
 * a terminal must not get.
 */
export function answerFunction(exitCodes: ReadonlyMap<string, number>): string {
  return `_catchd_answer() {
  local LC_ALL=C q='"' rest type code detail
  if [[ $2 == *\\\\* || $2 == *[!\\ -~]* || $2 != '{'*'}' ]]; then command catchd token "$4" --format "$3"; return; fi
  if [[ $1 == 'HTTP/1.1 200 '* ]]; then
    rest=\${2#*\${q}access_token\${q}:\${q}}
    type=\${2#*\${q}token_type\${q}:\${q}}
    if [[ $3 == header ]]; then printf 'Authorization: %s %s\\n' "\${type%%\${q}*}" "\${rest%%\${q}*}"
    else printf '%s\\n' "\${rest%%\${q}*}"; fi
    return 0
  fi
  code=\${2#*\${q}code\${q}:\${q}}
  code=\${code%%\${q}*}
  detail=\${2#*\${q}detail\${q}:\${q}}
  if [[ $detail == "$2" ]]; then detail=\${2#*\${q}title\${q}:\${q}}; fi
  printf 'catchd: %s: %s\\n' "$code" "\${detail%%\${q}*}" >&2
  case $code in
${exitCodeArms(exitCodes)}
  esac
  return 1
}
`
}
