/**
 * The completions of an unfinished command line: commands, subcommands, options, choices of options and arguments, and
 * profile names. They come from the definitions that parse the command line, so they are always up to date.
 */
import type { Argument, CommandUnknownOpts as Command, Option } from '@commander-js/extra-typings'

export interface Sources {
  readonly commands: readonly string[]
  /** The definition of one command, with its subcommands. */
  readonly command: (name: string) => Promise<Command | undefined>
  /** Names of profiles; empty if the daemon does not answer quickly. */
  readonly profiles: () => Promise<readonly string[]>
}

/** Arguments and options with these names are profile names. */
const PROFILE_PLACES = new Set(['name', 'profile', 'profiles'])
/** Commands whose argument `name` is not a profile name. */
const OTHER_NAMES = new Set(['presets', 'client'])

/**
 * @param words - The words after `catchd`. The last one is unfinished and may be empty.
 * @returns The completions, not sorted, without duplicates.
 */
export async function candidates(words: readonly string[], sources: Sources): Promise<string[]> {
  const unfinished = words.at(-1) ?? ''
  const [name, ...before] = words.slice(0, -1)
  const all = name === undefined ? sources.commands : await within(name, before, unfinished, sources)
  return [...new Set(all)].filter((text) => text.startsWith(unfinished))
}

async function within(
  name: string,
  before: readonly string[],
  unfinished: string,
  sources: Sources,
): Promise<readonly string[]> {
  if (name === 'help') return helpWords(before, sources)
  const top = await sources.command(name)
  if (top === undefined || before.includes('--')) return []
  const { command, given } = descend(top, before)
  const pending = optionOf(command, before.at(-1))
  if (pending !== undefined && (pending.required || pending.optional)) {
    return valuesOf(pending, optionName(pending), name, sources)
  }
  if (unfinished.startsWith('-')) return command.options.flatMap(({ long }) => long ?? [])
  if (given === 0 && command.commands.length > 0) return command.commands.map((nested) => nested.name())
  const argument = command.registeredArguments[given] ?? variadicOf(command.registeredArguments)
  return argument === undefined ? [] : valuesOf(argument, argument.name(), name, sources)
}

async function helpWords([first, ...more]: readonly string[], sources: Sources): Promise<readonly string[]> {
  if (first === undefined) return sources.commands
  const top = more.length === 0 ? await sources.command(first) : undefined
  return top?.commands.map((nested) => nested.name()) ?? []
}

/** Follows subcommands and skips options and their values. */
function descend(top: Command, words: readonly string[]): { command: Command; given: number } {
  let command = top
  let given = 0
  for (const [index, word] of words.entries()) {
    const option = optionOf(command, words[index - 1])
    const isValue = option !== undefined && (option.required || option.optional)
    if (word.startsWith('-') || isValue) continue
    const nested = given === 0 ? command.commands.find((other) => other.name() === word) : undefined
    if (nested === undefined) given += 1
    else command = nested
  }
  return { command, given }
}

function optionOf(command: Command, word: string | undefined): Option | undefined {
  if (word?.startsWith('-') !== true) return undefined
  return command.options.find(({ long, short }) => word === long || word === short)
}

function optionName(option: Option): string {
  return option.long?.slice(2) ?? ''
}

function variadicOf(registered: readonly Argument[]): Argument | undefined {
  const last = registered.at(-1)
  return last?.variadic === true ? last : undefined
}

async function valuesOf(
  place: Argument | Option,
  placeName: string,
  command: string,
  { profiles }: Sources,
): Promise<readonly string[]> {
  if (place.argChoices !== undefined) return place.argChoices
  return PROFILE_PLACES.has(placeName) && !OTHER_NAMES.has(command) ? profiles() : []
}
