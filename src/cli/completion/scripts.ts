/** The scripts of `catchd completion`. Each passes its words to the program and uses the lines that it prints. */

const bash = `_catchd() {
  local IFS=$'\\n'
  COMPREPLY=($(catchd completion candidates -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _catchd catchd
`

const zsh = `#compdef catchd
_catchd() {
  local -a found
  found=(\${(f)"$(catchd completion candidates -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( $#found )); then compadd -- $found; else _files; fi
}
compdef _catchd catchd
`

const fish = `function __catchd_candidates
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l unfinished (commandline --cut-at-cursor --current-token)
    catchd completion candidates -- $words[2..-1] "$unfinished" 2>/dev/null
end
complete --command catchd --no-files --arguments '(__catchd_candidates)'
`

const powershell = `Register-ArgumentCompleter -Native -CommandName catchd -ScriptBlock {
  param($word, $line, $position)
  $words = @($line.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($word -eq '') { $words += '' }
  catchd completion candidates '--' @words 2>$null |
    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
}
`

export const COMPLETION_SCRIPTS = { bash, zsh, fish, powershell } as const
export const COMPLETION_SHELLS = Object.keys(COMPLETION_SCRIPTS) as (keyof typeof COMPLETION_SCRIPTS)[]
