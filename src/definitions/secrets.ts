/** Keys whose values are secrets: they stand in files only as `${NAME}`. */
export const SECRET_KEYS = ["password", "token", "private_key", "key_id", "secret", "session_token"] as const;

/** The one form that a secret may have. */
export const SECRET_REFERENCE = /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/;

const INLINE_SECRET = new RegExp(
  `(?<![A-Za-z0-9_])(["']?)(?:${SECRET_KEYS.join("|")})\\1[ \\t]*:[ \\t]*("(?:[^"\\\\\\n]|\\\\.)*"?|'(?:[^'\\n]|'')*'?|[^\\s,}#][^,}#\\n]*)`,
  "g",
);
const USER_INFORMATION = /:\/\/[^/\s:@"']*:([^@\s"']*)@/g;
const SECRET_PARAMETER = /(?:^|[?&;\s"':])(?:password|passwd|pwd|token|secret|secret_key|access_key)=([^&;\s"']+)/gi;

/** True if an address holds a password or token: `scheme://user:password@host`, `…?password=…`. */
export function holdsPassword(address: string): boolean {
  return new RegExp(USER_INFORMATION.source).test(address) || new RegExp(SECRET_PARAMETER.source, "i").test(address);
}

/**
 * The text of a file with everything that looks like an inline secret starred out, at the same columns: what is shown in
 * excerpts. It works on text, so that it also holds for a file that does not parse; `ranges` are secrets found by parsing.
 */
export function maskSecrets(text: string, ranges: readonly (readonly [from: number, to: number])[] = []): string {
  const masked = text
    .replace(INLINE_SECRET, (whole: string, _quote: string, value: string) =>
      SECRET_REFERENCE.test(value.trim().replace(/^(["'])(.*)\1$/, "$2"))
        ? whole
        : whole.slice(0, whole.length - value.length) + stars(value),
    )
    .replace(USER_INFORMATION, (whole: string, password: string) => starEnd(whole, password, "@".length))
    .replace(SECRET_PARAMETER, (whole: string, value: string) => starEnd(whole, value, 0));
  let result = masked;
  for (const [from, to] of ranges) result = result.slice(0, from) + stars(result.slice(from, to)) + result.slice(to);
  return result;
}

function starEnd(whole: string, secret: string, after: number): string {
  const end = whole.length - after;
  return whole.slice(0, end - secret.length) + stars(secret) + whole.slice(end);
}

const stars = (text: string): string => text.replace(/[^\r\n]/g, "*");
