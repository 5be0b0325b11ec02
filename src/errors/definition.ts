import { family } from "./catalogue.js";

interface Named {
  readonly name: string;
  readonly nearest?: string | undefined;
}

const listed = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));

const unknown =
  (what: string, remedy: (names: readonly string[]) => string) =>
  ({ name, nearest, known }: Named & { readonly known: readonly string[] }) => ({
    says: `there is no ${what} "${name}"`,
    suggestion: nearest,
    help: remedy(known),
  });

/** Mistakes in what users write: everything that can be told from the YAML files and the environment alone. */
export const definitionProblem = family("definition", {
  // files
  "missing-project": ({ path }: { readonly path: string }) => ({
    says: `there is no project here: ${path} does not exist`,
    help: "run `daeda init` to start one, or name its folder with --project DIR",
  }),
  "missing-file": ({ path, what }: { readonly path: string; readonly what: string }) => ({
    says: `${what} does not exist: ${path}`,
    help: "create it, or correct the path (`paths` in daedalus.yaml, or the option that names it)",
  }),
  "unreadable-file": ({ path, reason }: { readonly path: string; readonly reason: string }) => ({
    says: `cannot read ${path}: ${reason}`,
    help: "make it a readable UTF-8 text file",
  }),
  "wrong-ending": ({ path }: { readonly path: string }) => ({
    says: `${path} is not read: definitions end in .yaml`,
    help: "rename it to .yaml, or move it elsewhere",
  }),
  syntax: ({ reason }: { readonly reason: string }) => ({
    says: `this is not valid YAML: ${reason}`,
    help: "correct the syntax (YAML 1.2); the rest of the file is read once it parses",
  }),
  "unquoted-list": ({ dtype }: { readonly dtype: string }) => ({
    says: `${dtype} is not quoted: between braces, [ begins a list of YAML`,
    help: `write "${dtype}"; the rest of the file is read then`,
  }),
  "unusable-value": ({ reason }: { readonly reason: string }) => ({
    says: reason,
    help: "write a text without it, or a number; the rest of the file is read then",
  }),
  "duplicate-key": ({ key }: { readonly key: string }) => ({
    says: `the key "${key}" stands twice in one map`,
    help: "keep one of them",
  }),
  "merge-key": (_: Record<never, never>) => ({
    says: "`<<` merges maps only in YAML 1.1; these files are YAML 1.2",
    help: "write the keys out, or give the whole value an anchor and use it as an alias",
  }),
  "bad-alias": ({ alias, reason }: { readonly alias: string; readonly reason: string }) => ({
    says: `the alias *${alias} ${reason}`,
    help: "write the value out",
  }),
  // keys
  "unknown-key": ({ key, where, nearest, known }: UnknownKey) => ({
    says: `${where} has no key "${key}"`,
    suggestion: nearest,
    help: `its keys: ${listed(known)}`,
  }),
  "missing-key": ({
    key,
    where,
    expected,
  }: {
    readonly key: string;
    readonly where: string;
    readonly expected: string;
  }) => ({
    says: `${where} needs the key "${key}"`,
    help: `add ${key}: ${expected}`,
  }),
  "key-needed": ({
    key,
    because,
    expected,
  }: {
    readonly key: string;
    readonly because: string;
    readonly expected: string;
  }) => ({
    says: `"${key}" is required ${because}`,
    help: `add ${key}: ${expected}`,
  }),
  "key-not-allowed": ({
    key,
    because,
    help,
  }: {
    readonly key: string;
    readonly because: string;
    readonly help: string;
  }) => ({
    says: `"${key}" is refused ${because}`,
    help,
  }),
  "formula-at-comma": ({ text }: { readonly text: string }) => ({
    says: `the formula ends at a comma: ${JSON.stringify(text)}`,
    help: 'between { and } YAML ends a text at a comma: write the formula in quotes, formula: "…"',
  }),
  "unlike-file": ({ name, file }: { readonly name: string; readonly file: string }) => ({
    says: `the feature type "${name}" stands in ${file}`,
    help: `a type is called as its file: rename one of them, ${name}.yaml`,
  }),
  "not-yet": ({ key, help }: { readonly key: string; readonly help: string }) => ({
    says: `this version does not execute ${key}`,
    help,
  }),
  "bad-instant": ({ key, text }: { readonly key: string; readonly text: string }) => ({
    says: `${key}: "${text}" is no time`,
    help: "write a UTC date or time as 2024-01-31 or 2024-01-31T12:00:00Z, of microseconds at the finest",
  }),
  // values
  "wrong-type": ({ key, expected, found, help }: WrongType) => ({
    says: `${key} must be ${expected}, found ${found}`,
    help: help ?? `write ${expected}`,
  }),
  "bad-name": ({
    key,
    name,
    expected,
  }: {
    readonly key: string;
    readonly name: string;
    readonly expected: string;
  }) => ({
    says: `${key}: "${name}" is not ${expected}`,
    help: "names consist of letters (A-Z, a-z), digits and _",
  }),
  "bad-duration": ({
    key,
    text,
    expected,
  }: {
    readonly key: string;
    readonly text: string;
    readonly expected: string;
  }) => ({
    says: `${key}: "${text}" is not ${expected}`,
    help: "write a positive integer and a unit s, m, h, d or w, without a blank: 30s, 12h, 7d",
  }),
  "bad-dtype": ({
    key,
    text,
    nearest,
    known,
  }: {
    readonly key: string;
    readonly text: string;
    readonly nearest?: string | undefined;
    readonly known: readonly string[];
  }) => ({
    says: `${key}: "${text}" is not a dtype`,
    suggestion: nearest,
    help: `dtypes: ${listed(known)}, or one of them with []`,
  }),
  "bad-month": ({ key, text }: { readonly key: string; readonly text: string }) => ({
    says: `${key}: "${text}" is not a month`,
    help: 'write year and month as quoted digits: "202602"',
  }),
  "bad-value": ({
    key,
    text,
    nearest,
    known,
  }: {
    readonly key: string;
    readonly text: string;
    readonly nearest?: string | undefined;
    readonly known: readonly string[];
  }) => ({
    says: `${key} cannot be "${text}"`,
    suggestion: nearest,
    help: `it is one of: ${listed(known)}`,
  }),
  "unknown-engine": ({
    key,
    text,
    nearest,
    known,
  }: {
    readonly key: string;
    readonly text: string;
    readonly nearest?: string | undefined;
    readonly known: readonly string[];
  }) => ({
    says: `${key}: this version has no engine "${text}"`,
    suggestion: nearest,
    help: `this version has: ${listed(known)}; leave the key out to take the fastest`,
  }),
  "setting-refused": ({ name, why, nearest, known }: Named & SettingRefused) => ({
    says:
      why === "unknown"
        ? `duckdb_config: DuckDB has no setting "${name}" about resources`
        : why === "meaning"
          ? `duckdb_config: "${name}" is refused, because it changes what values mean or in which order they come`
          : `duckdb_config: "${name}" is refused, because it is Daedalus' own business`,
    suggestion: why === "meaning" ? undefined : nearest,
    help: `only settings about resources are taken: ${listed(known)}`,
  }),
  "setting-value": ({
    name,
    value,
    reason,
  }: {
    readonly name: string;
    readonly value: string;
    readonly reason: string;
  }) => ({
    says: `duckdb_config: DuckDB refuses ${name}: ${value} (${reason})`,
    help: "write a value that the setting takes, or leave it out to take DuckDB's own",
  }),
  "out-of-range": ({
    key,
    value,
    expected,
  }: {
    readonly key: string;
    readonly value: string;
    readonly expected: string;
  }) => ({
    says: `${key} is ${value}, but must be ${expected}`,
    help: `write ${expected}`,
  }),
  empty: ({ key, expected }: { readonly key: string; readonly expected: string }) => ({
    says: `${key} is empty`,
    help: `write ${expected}`,
  }),
  "duplicate-name": ({
    what,
    name,
    first,
  }: {
    readonly what: string;
    readonly name: string;
    readonly first: string;
  }) => ({
    says:
      name === first
        ? `the ${what} "${name}" stands twice`
        : `the ${what} "${name}" differs from "${first}" only in case, and SQL does not tell them apart`,
    help: "rename or remove one of them",
  }),
  "reserved-column": ({ name }: { readonly name: string }) => ({
    says: `no column of the contract can be called "${name}": DuckDB numbers rows by that name`,
    help: "call it otherwise: by field_mapping of its view, or by column: of a spine or static column",
  }),
  "produced-twice": ({
    name,
    first,
    second,
  }: {
    readonly name: string;
    readonly first: string;
    readonly second: string;
  }) => ({
    says: `the column "${name}" is made twice: by ${first} and by ${second}`,
    help: "rename one of them",
  }),
  "nothing-to-drop": (_: Record<never, never>) => ({
    says: "session_filter drops nothing: neither drop_view_only nor drop_single_like is true",
    help: "set at least one of the two to true, or remove session_filter",
  }),
  "no-key-column": (_: Record<never, never>) => ({
    says: "no column has the kind key",
    help: "declare at least one key column of the spine view: {name: …, kind: key, dtype: …}",
  }),
  "feed-range": ({ start, end }: { readonly start: string; readonly end: string }) => ({
    says: `feed_end ${end} is before feed_start ${start}`,
    help: "both months are inclusive: feed_end must not be earlier",
  }),
  // names of other definitions
  "unknown-view": unknown("feature view", (names) => `feature views of the project: ${listed(names)}`),
  "unknown-service": unknown("feature service", (names) => `feature services of the project: ${listed(names)}`),
  "unknown-connection": unknown("connection", (names) => `connections of base.yaml: ${listed(names)}`),
  "unknown-store": unknown("embedding store", (names) => `embedding_stores of aggregations.yaml: ${listed(names)}`),
  "wrong-connection": ({
    name,
    type,
    wanted,
    because,
  }: {
    readonly name: string;
    readonly type: string;
    readonly wanted: string;
    readonly because: string;
  }) => ({
    says: `the connection "${name}" is of type ${type}, but ${because}`,
    help: `name a connection of type ${wanted}`,
  }),
  // sources
  "no-address": (_: Record<never, never>) => ({
    says: "the source has no address",
    help: "set path (a file, folder or glob), or connection with table or query, or database_path with table or query",
  }),
  "one-of-two": ({
    first,
    second,
    help,
  }: {
    readonly first: string;
    readonly second: string;
    readonly help: string;
  }) => ({
    says: `${first} and ${second} exclude each other`,
    help,
  }),
  "password-in-address": ({ key }: { readonly key: string }) => ({
    says: `${key}: the address holds a password or token`,
    help: "write the address without it, and a connection in base.yaml whose password is ${NAME}",
  }),
  "remote-output-root": ({ address }: { readonly address: string }) => ({
    says: `output_root is the address ${address}, and this version writes to folders of this machine only`,
    help: "name a folder, and copy the days from there to the object store",
  }),
  // variables and secrets
  "unset-variable": ({ name }: { readonly name: string }) => ({
    says: `the environment variable ${name} is not set`,
    help: `set it, or say what stands for it: \${${name}:-default}`,
  }),
  "unknown-constant": ({ name, nearest, known }: Named & { readonly known: readonly string[] }) => ({
    says: `base.yaml has no constant "${name}"`,
    suggestion: nearest,
    help: `constants (one may use only those above it): ${listed(known)}`,
  }),
  "bad-substitution": ({ text, reason }: { readonly text: string; readonly reason: string }) => ({
    says: `${text} cannot be substituted: ${reason}`,
    help: "write ${NAME}, ${NAME:-default} or ${const.name}; a literal ${ is written $${",
  }),
  "inline-secret": ({ key }: { readonly key: string }) => ({
    says: `${key} is a secret and must not stand in a file`,
    help: "put it into an environment variable and write ${NAME}",
  }),
  "secret-default": ({ key }: { readonly key: string }) => ({
    says: `${key} is a secret: it takes no default and no constant`,
    help: "write ${NAME} alone",
  }),
});

interface SettingRefused {
  readonly why: "meaning" | "own" | "unknown";
  readonly known: readonly string[];
}

interface UnknownKey {
  readonly key: string;
  readonly where: string;
  readonly nearest?: string | undefined;
  readonly known: readonly string[];
}

interface WrongType {
  readonly key: string;
  readonly expected: string;
  readonly found: string;
  readonly help?: string | undefined;
}

/** The codes of this family, and the parameters of each. */
export type DefinitionProblem = typeof definitionProblem;
