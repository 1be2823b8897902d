/**
 * Suggests the right name for a misspelt one: "scope" for "scopes".
 *
 * Pure. For environment variables, configuration keys and profile names. Callers pass no values, so a suggestion cannot
 * repeat a secret.
 */

/** The work grows with the square of the length. */
const LONGEST_NAME = 80

/**
 * @returns The most similar candidate; `undefined` when none is similar: one edit for each three letters, three at most.
 *   Case, `-` and `_` are ignored.
 */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(name)
  if (wanted.length === 0 || wanted.length > LONGEST_NAME) return undefined
  let nearest: string | undefined
  let nearestDistance = Math.min(3, Math.max(1, Math.floor(wanted.length / 3))) + 1
  for (const candidate of candidates) {
    if (candidate === name) continue
    const other = plain(candidate)
    if (Math.abs(other.length - wanted.length) >= nearestDistance) continue
    // A one-letter name is one edit away from every other.
    const distance = other === wanted ? 0 : Math.max(1, editDistance(wanted, other))
    if (distance >= nearestDistance || distance >= Math.max(wanted.length, other.length)) continue
    nearest = candidate
    nearestDistance = distance
  }
  return nearest
}

/** ` Did you mean "scope"?`, or nothing: the end of a message. */
export function suggestion(name: string, candidates: Iterable<string>): string {
  const meant = didYouMean(name, candidates)
  return meant === undefined ? '' : ` Did you mean "${meant}"?`
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_. ]/g, '')
}

/** Damerau-Levenshtein, optimal string alignment: insert, delete, replace, swap neighbours. */
function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1]
      let least = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      )
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1])
        least = Math.min(least, (beforePrevious[column - 2] ?? 0) + 1)
      current.push(least)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[right.length] ?? 0
}
