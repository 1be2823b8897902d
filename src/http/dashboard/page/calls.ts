/**
 * The page's calls to the daemon. Each sends the session's key in addition to the cookie: browsers send the cookie with
 * requests from every page of this host, whatever its port, but only this origin can read its storage.
 */

const KEY_NAME = 'catchd-page-key'

/** The members of problem details (RFC 9457) that the page shows. */
export interface Problem {
  readonly title: string
  readonly detail?: string
  readonly next?: string
  readonly code?: string
  readonly error_description?: string
  readonly errors?: readonly { readonly in: string; readonly name: string; readonly detail: string }[]
}

export class CallFailed extends Error {
  readonly problem: Problem
  readonly status: number

  constructor(problem: Problem, status: number) {
    super(problem.detail ?? problem.title)
    this.problem = problem
    this.status = status
  }
}

/** Moves the key from the page into the storage of this origin. Once it was used, the page no longer contains it. */
export function keepKey(): void {
  const meta = document.querySelector<HTMLMetaElement>(`meta[name="${KEY_NAME}"]`)
  if (meta === null) return
  localStorage.setItem(KEY_NAME, meta.content)
  meta.remove()
}

export function forgetKey(): void {
  localStorage.removeItem(KEY_NAME)
}

/** @throws CallFailed */
export async function call(method: string, path: string, body?: object): Promise<Response> {
  const answer = await fetch(path, {
    method,
    cache: 'no-store',
    credentials: 'same-origin',
    headers: {
      [KEY_NAME]: localStorage.getItem(KEY_NAME) ?? '',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (answer.ok) return answer
  throw new CallFailed(await problemOf(answer), answer.status)
}

async function problemOf(answer: Response): Promise<Problem> {
  try {
    return (await answer.json()) as Problem
  } catch {
    return { title: `The daemon answered ${answer.status}` }
  }
}

/** The text that the page shows for an error. */
export function wordsOf(error: unknown): string {
  if (error instanceof CallFailed) {
    const { title, detail, next, error_description: said } = error.problem
    const words = [title, detail, said].filter((part) => part !== undefined).join(': ')
    return next === undefined ? words : `${words.replace(/[^.!?]$/, '$&.')} Run next: ${next}`
  }
  return 'The daemon does not answer. Is it still running?'
}
