/** The command that installs a package of the system: each distribution has its own package manager and names. */

const INSTALL = {
  apt: 'apt install',
  dnf: 'dnf install',
  pacman: 'pacman -S',
  zypper: 'zypper install',
  apk: 'apk add',
} as const
type PackageManager = keyof typeof INSTALL

/** Names of the packages by package manager, separated by spaces. */
export type PackageNames = Readonly<Record<PackageManager, string>>

export interface ProgramFacts {
  readonly isRoot: boolean
  /** Whether a program of this name or path can be run. */
  readonly hasProgram: (name: string) => boolean
}

/** @returns `null` if no package manager that catchd knows is installed. */
export function installCommand(
  { isRoot, hasProgram }: ProgramFacts,
  ...packages: readonly PackageNames[]
): string | null {
  const manager = (Object.keys(INSTALL) as PackageManager[]).find(hasProgram)
  if (manager === undefined) return null
  const names = new Set(packages.flatMap((each) => each[manager].split(' ')))
  return `${isRoot ? '' : 'sudo '}${INSTALL[manager]} ${[...names].join(' ')}`
}
