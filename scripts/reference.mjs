// docs/reference.md, from what validates the YAML (jsonSchemas) and what parses the command line (commander), so that it
// cannot tell of a key or an option that is not there; and the JSON Schemas beside the examples. `npm run reference` writes
// them; tests compare.
import { readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const build = new URL(process.env.DAEDALUS_DIST ? `file://${process.env.DAEDALUS_DIST}/` : "../dist/", import.meta.url);
const { jsonSchemas } = await import(new URL("definitions/json-schemas.js", build));
const { writeSchemas } = await import(new URL("app/schemas.js", build));
const { commandLine } = await import(new URL("cli/program.js", build));
const { FUNCTIONS } = await import(new URL("formulas/functions/registry.js", build));
const { signatureOf } = await import(new URL("formulas/functions/signature.js", build));
const { Terminal } = await import(new URL("cli/terminal.js", build));

/** What a schema allows, without the branches that stand for `${NAME}` and `null`. */
function plain(schema) {
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches === undefined) return [schema];
  const described = branches.flatMap(plain);
  return described.filter((branch) => branch.type !== "null" && branch.pattern !== "\\$\\{");
}

function typeOf(schema) {
  const names = plain(schema).map((branch) => {
    if (branch.enum) return branch.enum.length > 12 ? "dtype" : branch.enum.map((word) => `\`${word}\``).join(" ");
    if (branch.const !== undefined) return `\`${branch.const}\``;
    if (branch.type === "array") return `list of ${branch.items ? typeOf(branch.items) : "values"}`;
    if (branch.type === "object") return branch.title && branch.properties ? branch.title : "map";
    if (branch.type === "string") return /\[smhdw\]/.test(branch.pattern ?? "") ? "duration" : "text";
    if (Array.isArray(branch.type)) return "literal";
    return branch.type ?? "value";
  });
  return [...new Set(names)].join(" or ") || "value";
}

function cell(text) {
  return String(text).replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** Tables of an object's keys: its own, then those of the objects in it. */
function* tables(schema, path) {
  for (const object of plain(schema)) {
    if (object.type === "array" && object.items) yield* tables(object.items, `${path}[]`);
    if (object.type !== "object") continue;
    if (object.properties) {
      const rows = Object.entries(object.properties).map(([key, value]) => {
        const required = object.required?.includes(key) ? " **!**" : "";
        const fallback = value.default === undefined ? "" : `\`${JSON.stringify(value.default)}\``;
        return `| \`${key}\`${required} | ${cell(typeOf(value))} | ${cell(fallback)} | ${cell(value.description ?? "")} |`;
      });
      const variant = object.properties.type ? ` (${typeOf(object.properties.type)})` : "";
      yield [
        ...(path === "" ? [] : [`#### \`${path}\`${variant}`, ""]),
        "| key | type | default | meaning |",
        "| --- | --- | --- | --- |",
        ...rows,
      ].join("\n");
      for (const [key, value] of Object.entries(object.properties))
        yield* tables(value, path === "" ? key : `${path}.${key}`);
    }
    // `services:` holds the whole runtime again.
    const values = object.additionalProperties;
    if (values && typeof values === "object" && !path.startsWith("services")) yield* tables(values, `${path}.<name>`);
  }
}

function files() {
  return [...jsonSchemas()].map(([file, schema]) => {
    const [name, ...describes] = schema.description.split(": ");
    const seen = new Set();
    const parts = [...tables(schema, "")].filter((table) => !seen.has(table) && seen.add(table));
    return [`### ${name}`, "", `${capital(describes.join(": "))}. Schema: \`${file}\`.`, "", parts.join("\n\n")].join(
      "\n",
    );
  });
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function commands(command, path) {
  const inner = command.commands.filter((child) => child.name() !== "help");
  const name = [...path, command.name()].join(" ");
  if (inner.length > 0) return inner.flatMap((child) => commands(child, [...path, command.name()]));
  const usage = command.registeredArguments
    .map((one) => (one.required ? ` <${one.name()}>` : ` [${one.name()}]`))
    .join("");
  return [[`### \`${name}${usage}\``, "", command.description(), ...optionTable(command)].join("\n")];
}

function optionTable(command) {
  if (command.options.length === 0) return [];
  return ["", "| option | default | meaning |", "| --- | --- | --- |"].concat(
    command.options.map((option) => {
      const fallback = option.defaultValue === undefined || option.negate ? "" : `\`${option.defaultValue}\``;
      return `| \`${cell(option.flags)}\` | ${fallback} | ${cell(option.description)} |`;
    }),
  );
}

/** Every function of formulas, group by group. */
function formulaFunctions() {
  return ["row-wise", "window", "state", "cross-section"].flatMap((group) => [
    `| **${group}** | |`,
    ...[...FUNCTIONS.values()]
      .filter((one) => one.group === group)
      .map((one) => `| \`${signatureOf(one)}\` | ${cell(one.says)} |`),
  ]);
}

export function reference() {
  const program = commandLine(new Terminal(false), () => undefined);
  return `${[
    "# Reference",
    "",
    "Generated by `npm run reference`; change the definitions, not this file. What values mean at the edges stands in",
    "[semantics](semantics.md).",
    "",
    "## Commands",
    "",
    "Everywhere:",
    ...optionTable(program),
    "",
    "Exit codes: 0 done, 1 failed at run time, 2 bad usage or definitions; 130 and 143 stopped by Ctrl-C or SIGTERM. With `--json`",
    'stdout holds JSON and nothing else, errors as `{"error": {"problems": […]}}`; progress goes to stderr.',
    "",
    commands(program, []).join("\n\n"),
    "",
    "## YAML",
    "",
    "Keys marked **!** are required. In any string `${NAME}` is an environment variable, `${NAME:-default}` one with a default,",
    "`${const.name}` a constant of `base.yaml`, `$${` a literal `${`. A duration is a positive integer with a unit of `s m h d w`.",
    "A dtype is one of `BOOLEAN TINYINT SMALLINT INTEGER BIGINT FLOAT DOUBLE TEXT DATE TIMESTAMP`, or a list of them: `BIGINT[]`.",
    "",
    files().join("\n\n"),
    "",
    "## Functions of formulas",
    "",
    "What formulas are, and what NULL and NaN do: [formula features](formulas.md). Windows `w`, lags `n` and what stands with `=` are numbers",
    "or parameters, known before any row is read.",
    "",
    "| function | value |",
    "| --- | --- |",
    ...formulaFunctions(),
  ].join("\n")}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("../docs/reference.md", import.meta.url), reference());
  const examples = new URL("../examples/", import.meta.url);
  for (const example of readdirSync(examples))
    await writeSchemas(fileURLToPath(new URL(`${example}/schemas`, examples)));
}
