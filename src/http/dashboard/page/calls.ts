/**
 * Calls of the page to the daemon. Each carries the session's key beside the cookie: a cookie is sent by every page of
 * this host, whatever its port, and storage belongs to this origin alone.
 */

const KEY_NAME = 'catchd-page-key'

/** Problem details (RFC 9457), as far as the page shows them. */
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

/** The page brings the key until it was used once; from then on it is in the storage of this origin. */
export function keepKey(): void {
  const brought = document.querySelector<HTMLMetaElement>(`meta[name="${KEY_NAME}"]`)
  if (brought === null) return
  localStorage.setItem(KEY_NAME, brought.content)
  brought.remove()
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

/** Whatever went wrong, in words for a person. */
export function wordsOf(error: unknown): string {
  if (error instanceof CallFailed) {
    const { title, detail, error_description: said } = error.problem
    return [title, detail, said].filter((part) => part !== undefined).join(': ')
  }
  return 'The daemon does not answer. Is it still running?'
}
