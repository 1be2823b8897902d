/**
 * The form of every help: at most 80 columns and no broken words, options and commands in groups, examples at the end.
 *
 * On a terminal, a long help shows only its most used part and says how to get all of it. Into a pipe it is complete, so
 * that `| more` and `| grep` find everything.
 */
import {
  type Argument,
  Command,
  type CommandUnknownOpts,
  Help,
  type Option,
} from '@commander-js/extra-typings'

/** The group that is shown alone on a terminal. */
export const MOST_USED = 'Most used:'

const MOST_USED_COMMANDS = new WeakSet<CommandUnknownOpts>()

/** Marks a command that is explained in the short help. */
export function markMostUsed(command: CommandUnknownOpts): void {
  MOST_USED_COMMANDS.add(command)
}

const WIDEST = 80
/** A longer option has its description on the next line. */
const WIDEST_TERM = 28
/** With less room than this beside the options, every description is on the next line. */
const NARROWEST_TEXT = 28
const INDENT = 2

export class CatchdCommand extends Command {
  override createCommand(name?: string): Command {
    return new CatchdCommand(name)
  }

  override createHelp(): Help {
    return new CatchdHelp()
  }
}

/** @returns The columns for text: those of the terminal, 80 at most. */
export function widthOf({ columns }: NodeJS.WriteStream): number {
  return Math.min(WIDEST, columns || WIDEST)
}

/** Adds a list of names and their texts to the end of a help. */
export function addList(
  command: CommandUnknownOpts,
  heading: string,
  rows: readonly (readonly [name: string, text: string])[],
): void {
  command.addHelpText('after', ({ error }) => {
    const { getOutHelpWidth, getErrHelpWidth } = command.configureOutput()
    const help = new CatchdHelp()
    help.helpWidth = (error ? getErrHelpWidth : getOutHelpWidth)?.() ?? WIDEST
    const longest = Math.max(...rows.map(([name]) => name.length))
    return ['', heading, ...rows.map(([name, text]) => help.formatItem(name, longest, text, help))].join('\n')
  })
}

/** Adds examples to the end of a help. They are not wrapped, so that they can be copied. */
export function addExamples(command: CommandUnknownOpts, examples: readonly string[]): void {
  if (examples.length === 0) return
  const heading = examples.length === 1 ? 'Example:' : 'Examples:'
  command.addHelpText('after', ['', heading, ...examples.map((line) => `  ${line}`)].join('\n'))
}

/** `add a profile` as a sentence: `Add a profile.` */
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1)
  return whole === '' || /[.!?]$/.test(whole) ? whole : `${whole}.`
}

class CatchdHelp extends Help {
  override minWidthToWrap = 10
  #isTerminal = false
  /** Whether only the most used part is shown, without empty lines between its groups, so that it fits on 24 lines. */
  #isShort = false

  override prepareContext(context: Parameters<Help['prepareContext']>[0]): void {
    super.prepareContext(context)
    this.#isTerminal = (context.error ? process.stderr : process.stdout).isTTY === true
  }

  override styleUsage(usage: string): string {
    const begin = 'Usage: '.length
    return this.boxWrap(usage, (this.helpWidth ?? WIDEST) - begin).replaceAll('\n', `\n${' '.repeat(begin)}`)
  }

  override commandDescription(command: CommandUnknownOpts): string {
    return sentence(command.description() || command.summary())
  }

  override optionDescription(option: Option): string {
    const { description, argChoices, mandatory } = option
    const standard = defaultOf(option)
    const notes = [
      ...(mandatory ? ['required'] : []),
      ...(argChoices === undefined ? [] : [argChoices.join(', ')]),
      ...(standard === undefined ? [] : [`default: ${standard}`]),
    ]
    // The short help has no room for the sections of the standards.
    const text = this.#isShort ? description.replaceAll(/ \((?:RFC|OpenID)[^)]*\)/g, '') : description
    return notes.length === 0 ? text : `${text} (${notes.join('; ')})`
  }

  override argumentDescription({ description, argChoices }: Argument): string {
    return argChoices === undefined ? description : `${description} (${argChoices.join(', ')})`
  }

  override visibleOptions(command: CommandUnknownOpts): Option[] {
    const options = super.visibleOptions(command)
    return this.#isShort ? options.filter(isMostUsed) : options
  }

  override visibleCommands(command: CommandUnknownOpts): CommandUnknownOpts[] {
    // Every command with subcommands has one called help. `catchd help` is enough to know.
    const commands = super
      .visibleCommands(command)
      .filter((nested) => nested.name() !== 'help' || !command.parent)
    return this.#isShort ? commands.filter((nested) => MOST_USED_COMMANDS.has(nested)) : commands
  }

  override formatItemList(heading: string, items: string[], helper: Help): string[] {
    const lines = super.formatItemList(heading, items, helper)
    return this.#isShort ? lines.filter((line) => line !== '') : lines
  }

  override formatHelp(command: CommandUnknownOpts, helper: Help): string {
    this.#isShort = this.#isTerminal && hasMostUsed(command)
    const hint = this.#hint(command).map((line) => helper.boxWrap(line, helper.helpWidth ?? WIDEST))
    const help = super.formatHelp(command, helper)
    return hint.length === 0 ? help : [help.trimEnd(), '', ...hint, ''].join('\n')
  }

  /** Where there is more than this help shows. */
  #hint(command: CommandUnknownOpts): string[] {
    const isProgram = command.parent === null
    if (!this.#isShort)
      return isProgram ? ['Start with: catchd init. Help for a command: catchd help COMMAND'] : []
    if (!isProgram)
      return [`All ${super.visibleOptions(command).length} options: ${pathOf(command)} --help | more`]
    const others = super.visibleCommands(command).filter((nested) => !MOST_USED_COMMANDS.has(nested))
    return [
      `More: ${others.map((nested) => nested.name()).join(' ')}`,
      'Help for a command: catchd help COMMAND. All commands: catchd --help | more',
    ]
  }

  override formatItem(term: string, termWidth: number, description: string, helper: Help): string {
    const width = helper.helpWidth ?? WIDEST
    const column = Math.min(termWidth, WIDEST_TERM)
    const isStacked = width - column - 2 * INDENT < NARROWEST_TEXT
    const indent = ' '.repeat(isStacked ? 3 * INDENT : column + 2 * INDENT)
    const text = helper.boxWrap(description, width - indent.length).replaceAll('\n', `\n${indent}`)
    const begin = ' '.repeat(INDENT) + term
    if (description === '') return begin
    return isStacked || term.length > column
      ? `${begin}\n${indent}${text}`
      : `${begin.padEnd(indent.length)}${text}`
  }
}

/** A help in which nothing is marked is shown as a whole. */
function hasMostUsed({ options, commands }: CommandUnknownOpts): boolean {
  return options.some(isMostUsed) || commands.some((nested) => MOST_USED_COMMANDS.has(nested))
}

function defaultOf({ defaultValue, defaultValueDescription }: Option): string | undefined {
  if (defaultValueDescription !== undefined) return defaultValueDescription
  return defaultValue === undefined || typeof defaultValue === 'boolean' ? undefined : String(defaultValue)
}

function isMostUsed(option: Option): boolean {
  return option.helpGroupHeading === MOST_USED
}

function pathOf(command: CommandUnknownOpts): string {
  const { parent } = command
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`
}
