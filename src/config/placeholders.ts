/**
 * Placeholders in the parameters of requests: `{client_id}` stands for the client identifier of the profile, `{code}` for
 * the code that was just received. So a server that has other names for the parameters of the standard needs only
 * configuration, and a secret never has to stand there itself.
 *
 * Pure. A placeholder is a name in braces, and nothing else is: JSON in a value stays as it is. `{{name}}` means the text
 * `{name}`. rules.ts refuses names that are not in the table; token-request.ts and authorization-request.ts fill them in.
 */

/** Whether the value is a secret: it then goes only to the token endpoint, and is masked wherever it comes back. */
const PLACEHOLDERS = {
  client_id: { isSecret: false },
  redirect_uri: { isSecret: false },
  scope: { isSecret: false },
  client_secret: { isSecret: true },
  code: { isSecret: true },
  code_verifier: { isSecret: true },
  refresh_token: { isSecret: true },
} as const

export type Placeholder = keyof typeof PLACEHOLDERS

export const PLACEHOLDER_NAMES = Object.keys(PLACEHOLDERS) as readonly Placeholder[]
export const SECRET_PLACEHOLDERS = PLACEHOLDER_NAMES.filter((name) => PLACEHOLDERS[name].isSecret)

const IN_BRACES = /\{\{([a-z][a-z_-]*)\}\}|\{([a-z][a-z_-]*)\}/gi

/** The names in braces, known or not; without those of `{{name}}`. */
export function placeholdersIn(template: string): string[] {
  return [...template.matchAll(IN_BRACES)].flatMap(([, , name]) => name ?? [])
}

export function hasSecretPlaceholder(template: string): boolean {
  return placeholdersIn(template).some((name) => SECRET_PLACEHOLDERS.some((secret) => secret === name))
}

/** Whether the value is one known placeholder and nothing else, so that it contains no secret itself. */
export function isPlaceholder(template: string): boolean {
  return PLACEHOLDER_NAMES.some((name) => template === `{${name}}`)
}

/**
 * @param values - What a request has. An empty value counts as none.
 * @returns `undefined` if a placeholder has no value in this request: the parameter is then left out.
 */
export function fillIn(
  template: string,
  values: Readonly<Partial<Record<string, string>>>,
): string | undefined {
  if (placeholdersIn(template).some((name) => !values[name])) return undefined
  return template.replace(IN_BRACES, (_all, escaped: string | undefined, name: string) =>
    escaped === undefined ? (values[name] ?? '') : `{${escaped}}`,
  )
}
