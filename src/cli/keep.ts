/**
 * `catchd keep NAME --file PATH [-- COMMAND …]`: keeps a valid token in a file while a command runs, or until Ctrl-C. For
 * tools that read a token from a file: AWS's web identity, `curl --header @file`, `.netrc`.
 */
import { resolve } from 'node:path'
import { type Command, Option } from '@commander-js/extra-typings'
import { hostsOf, tokenUsernameOf } from '../config/presets/tool-access.js'
import {
  type AnyTokenAnswer,
  bareToken,
  TOKEN_FORMATS,
  type TokenFormat,
  tokenText,
} from '../fast-path/token-format.js'
import { seconds } from './arguments.js'
import type { Context } from './context.js'
import { netrcLines } from './credential/headers.js'
import { runCommand } from './exec.js'
import { failureText } from './failure-output.js'
import { printResult } from './output.js'
import { type IdTokenChoice, idTokenOption, requestToken } from './token.js'
import { TokenFile } from './token-file.js'

const FORMATS = [...TOKEN_FORMATS, 'netrc'] as const

/** A tool may use the token for a while after it has read the file. */
const DEFAULT_MIN_TTL_SECONDS = 120

interface KeepOptions extends IdTokenChoice {
  readonly file: string
  readonly format: TokenFormat | 'netrc'
  readonly minTtl: number
}

export function define(command: Command, context: Context): void {
  command
    .argument('<name>', 'profile')
    .argument('[command...]', 'command to run, after --')
    .requiredOption('--file <path>', 'file for the token, written with mode 0600 and removed at the end')
    .addOption(new Option('--format <format>', 'format of the file').choices(FORMATS).default('raw' as const))
    .option(
      '--min-ttl <seconds>',
      'refresh when less time is left',
      seconds(0, 86_400),
      DEFAULT_MIN_TTL_SECONDS,
    )
    .addOption(idTokenOption())
    .action((name, words, options) => keep(context, name, words, options))
}

async function keep(
  context: Context,
  name: string,
  words: readonly string[],
  { file: path, format, minTtl, ...choice }: KeepOptions,
): Promise<void> {
  const ending = new AbortController()
  const { client } = context
  // While a command runs, Ctrl-C is for that command. The file is kept until the command ends.
  const signal = words.length > 0 ? ending.signal : AbortSignal.any([ending.signal, context.signal])
  const ask = () => requestToken(context, name, choice, { minTtlSeconds: minTtl, signal })
  const file = new TokenFile(resolve(path), await textIn(format, context, name))
  const first = await ask()
  await file.write(first)
  const keeping = file.keepFresh(first, {
    token: ask,
    minTtlSeconds: minTtl,
    onFailure: (failure) => process.stderr.write(failureText(failure)),
    signal,
  })
  try {
    if (words.length > 0) {
      process.exitCode = await runCommand(words, process.env)
    } else {
      printResult(file.path)
      await keeping
      context.signal.throwIfAborted()
    }
  } finally {
    ending.abort()
    await keeping
    await file.remove()
    client.close()
  }
}

async function textIn(
  format: TokenFormat | 'netrc',
  { client }: Context,
  name: string,
): Promise<(token: AnyTokenAnswer) => string> {
  // AWS's programs send the whole file, so it must not end with a line break.
  if (format === 'raw') return bareToken
  if (format !== 'netrc') return (token) => tokenText(token, format)
  const { configuration } = await client.profile(name)
  const [hosts, user] = [hostsOf(configuration), tokenUsernameOf(configuration)]
  return (token) => netrcLines(hosts, token, user).join('')
}
