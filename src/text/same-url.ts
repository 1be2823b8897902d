/** Whether two texts are the same URL, apart from a slash at the end and the spelling that browsers normalize. Pure. */
export function sameUrl(a: string, b: string): boolean {
  return withoutEnd(a) === withoutEnd(b)
}

function withoutEnd(text: string): string {
  return URL.canParse(text) ? new URL(text).href.replace(/\/$/, '') : text
}
