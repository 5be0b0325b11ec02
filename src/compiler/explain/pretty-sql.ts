/** Words that begin a line of a query, with those that may follow them in a phrase. */
const CLAUSE = /^(FROM|WHERE|GROUP|HAVING|WINDOW|QUALIFY|ORDER|UNION|JOIN|LEFT|INNER|ASOF|SEMI|ANTI)$/;
/** Words after which one of these goes on with the same phrase: `ASOF LEFT JOIN`. */
const GOES_ON = /^(LEFT|INNER|ASOF|SEMI|ANTI)$/;

/** Strings and quoted names as a whole, so that nothing in them is taken for SQL; else words, blanks and single characters. */
const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|\s+|[^\w\s]/g;

/** How long a line may get before its next comma ends it. */
const LINE = 96;

/**
 * Composed SQL in lines: sub-queries are indented, clauses begin lines, long lists are broken. Only blanks between tokens are
 * changed.
 */
export function prettySql(sql: string): string {
  const tokens = sql.match(TOKEN) ?? [];
  /** What each open parenthesis holds: a query has clauses, an argument list has none. */
  const open: ("query" | "other")[] = ["query"];
  const lines: string[] = [];
  let line = "";
  let blank = false;
  let last = "";
  const depth = (): number => open.filter((kind) => kind === "query").length - 1;
  const breakLine = (): void => {
    if (line.trim() !== "") lines.push(line);
    line = "  ".repeat(depth());
    blank = false;
  };
  tokens.forEach((token, place) => {
    if (/^\s+$/.test(token)) {
      blank = line.trim() !== "";
      return;
    }
    const inQuery = open.at(-1) === "query";
    if (token === ")" && open.length > 1) {
      open.pop();
      if (inQuery) breakLine();
    } else if (inQuery && CLAUSE.test(token) && !GOES_ON.test(last)) breakLine();
    line += `${blank ? " " : ""}${token}`;
    blank = false;
    last = token;
    if (token === "(") {
      const query = /^(SELECT|WITH)$/.test(nextWord(tokens, place));
      open.push(query ? "query" : "other");
      if (query) breakLine();
    } else if (token === "," && line.length > LINE) {
      breakLine();
      line += "  ";
    }
  });
  breakLine();
  return lines.map((text) => text.trimEnd()).join("\n");
}

function nextWord(tokens: readonly string[], place: number): string {
  const next = tokens[place + 1] ?? "";
  return /^\s+$/.test(next) ? (tokens[place + 2] ?? "") : next;
}
