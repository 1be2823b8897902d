/**
 * Reads which browser the user chose: the setting `browser` is one command, `BROWSER` a list of commands separated by colons.
 *
 * A command is a program with arguments; quotes keep spaces. The path of a program may contain spaces without quotes: the
 * longest beginning of the text that is a program counts. Pure, but for the question whether a program is there.
 */

/** The setting `browser`. */
export interface BrowserChoice {
  /** `undefined` if it is not set. */
  readonly command: string | undefined
  /** Where it is set: `CATCHD_BROWSER` or `daemon.browser`. */
  readonly place: string
}

interface BrowserSettings extends BrowserChoice {
  /** Where `BROWSER` is read. */
  readonly env: NodeJS.ProcessEnv
  /** Whether a program of this name or path can be run. */
  readonly isProgram: (name: string) => boolean
  readonly platform: NodeJS.Platform
}

export interface BrowserCommand {
  readonly program: string
  /** `%s` in one of them stands for the URL. */
  readonly args: readonly string[]
  /** What names it. */
  readonly source: string
}

/**
 * @returns `none`: open no browser. `undefined`: the browser of the system. Otherwise the first command whose program is
 *   there, or the first one if none is.
 */
export function chosenBrowser(settings: BrowserSettings): BrowserCommand | 'none' | undefined {
  const { command, env, isProgram } = settings
  const source = browserSource(settings)
  const text = (command ?? env['BROWSER'] ?? '').trim()
  if (text === 'none') return 'none'
  const commands = alternatives(text, source, settings).flatMap((one) => {
    const [program, ...args] = wordsOf(one, settings)
    return program === undefined ? [] : [{ program, args, source } as const]
  })
  return commands.find(({ program }) => isProgram(program)) ?? commands[0]
}

/** @returns The place of the setting, or `BROWSER`, which counts without one. */
export function browserSource({ command, place }: BrowserChoice): string {
  return command === undefined ? 'BROWSER' : place
}

function alternatives(
  text: string,
  source: string,
  { isProgram, platform }: BrowserSettings,
): readonly string[] {
  const isList = source === 'BROWSER' && platform !== 'win32' && !isProgram(text)
  return isList ? (text.match(/(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^:])+/gs) ?? []) : [text]
}

function wordsOf(text: string, { isProgram, platform }: BrowserSettings): string[] {
  const command = text.trim().replace(/\s&$/, '') // of a line for a shell
  const program = beginnings(command).find(isProgram)
  const rest = program === undefined ? command : command.slice(program.length)
  const words = splitWords(rest, platform)
  return program === undefined ? words : [program, ...words]
}

/** The whole text first, then without its last word, and so on. */
function beginnings(text: string): string[] {
  return [text, ...[...text.matchAll(/\s/g)].map(({ index }) => text.slice(0, index)).reverse()]
}

/** As a shell splits a line, without variables. On Windows a backslash is part of a path. */
function splitWords(text: string, platform: NodeJS.Platform): string[] {
  if (platform === 'win32') {
    return (text.match(/(?:"[^"]*"|\S)+/g) ?? []).map((word) => word.replaceAll('"', ''))
  }
  const words = text.match(/(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|\S)+/gs) ?? []
  return words.map((word) =>
    word.replaceAll(
      /\\(.)|"((?:\\.|[^"\\])*)"|'([^']*)'/gs,
      (_all, escaped?: string, double?: string, single?: string) =>
        escaped ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? single ?? '',
    ),
  )
}
