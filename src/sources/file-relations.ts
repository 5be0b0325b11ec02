import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import type { DataFile, FileFormat } from "./listing.js";
import { fileName, footerOf } from "./parquet-footer.js";
import type { RawRelation } from "./raw-relation.js";
import { checkPacked, csvHeader } from "./text-files.js";

/** A longer line of NDJSON is refused. */
const LONGEST_OBJECT = 64 * 1024 * 1024;
const LEAST_OBJECT = 1024 * 1024;
/** What a byte of a packed file can become. */
const MOST_PACKED = 1032;

/** Of the memory that a session may take: a thread's buffer is twice as long as an object. */
const SHARE_OF_OBJECT = 16;

/** Option of the reader of NDJSON: no object is longer than its file. Each thread has a buffer of twice this size. */
function longestObject(files: readonly DataFile[], { memoryLimit }: Pick<SqlSession, "memoryLimit">): string {
  const longest = Math.max(...files.map(({ path, size }) => (path.endsWith(".gz") ? size * MOST_PACKED : size)));
  const most = Math.min(LONGEST_OBJECT, Math.floor((memoryLimit ?? Number.POSITIVE_INFINITY) / SHARE_OF_OBJECT));
  return `maximum_object_size = ${Math.max(LEAST_OBJECT, Math.min(most, longest + 1024))}`;
}

/** The types of a file's own columns and partitions; `open`: any other name is text, too. */
export interface FileColumns {
  readonly types: ReadonlyMap<string, string>;
  readonly open: boolean;
  /** Of a CSV file, whose reader takes fields by position: those of the types, and "" where the header has no name. */
  readonly header: readonly string[];
  /** See `Footer`. */
  readonly cut: ReadonlySet<string>;
  /** Columns that have no value in the file, and no type. */
  readonly nulls: ReadonlySet<string>;
  readonly renamed: ReadonlyMap<string, string>;
}

const NOTHING: ReadonlySet<string> = new Set();
const NO_NAMES: ReadonlyMap<string, string> = new Map();

/** From the footer or the header line. Throws DaedalusError `source/unreadable-file` and the like. */
export async function columnsOf(session: SqlSession, file: DataFile): Promise<FileColumns> {
  const types = new Map<string, string>();
  const footer = file.format === "parquet" ? await footerOf(session, file) : undefined;
  for (const [name, type] of footer?.columns ?? []) types.set(name, type);
  const header = file.format === "csv" ? await csvHeader(file) : [];
  for (const name of header) if (name !== "") types.set(name, "VARCHAR");
  // A folder's column hides one of the same name in the file.
  for (const name of file.partitions.keys()) types.set(name, "VARCHAR");
  return {
    types,
    header,
    open: file.format === "ndjson",
    nulls: footer?.nulls ?? NOTHING,
    cut: footer?.cut ?? NOTHING,
    renamed: footer?.renamed ?? NO_NAMES,
  };
}

/** The keys of all objects of NDJSON files, in the order in which they appear. */
export async function keysOf(session: SqlSession, files: readonly DataFile[]): Promise<readonly string[]> {
  if (files.length === 0) return [];
  const paths = `[${files.map(fileName).join(", ")}]`;
  const rows = await session.query(
    `SELECT key, min(place) AS first FROM (
       SELECT unnest(json_keys(json)) AS key, row_number() OVER () AS place
       FROM read_ndjson_objects(${paths}, ${longestObject(files, session)}))
     GROUP BY key ORDER BY first ASC NULLS FIRST, key ASC NULLS FIRST`,
  );
  return rows.map(({ key }) => String(key));
}

/**
 * The files as relations: together those of one format that hold the source columns in the same types, so that each value is
 * cast from what its file really holds. `alone`: each file by itself (row numbers of text files).
 */
export async function relationsOf(
  session: SqlSession,
  files: readonly DataFile[],
  sources: readonly string[],
  options: { readonly alone: boolean; readonly directory: string },
): Promise<readonly RawRelation[]> {
  await checkPacked(files);
  const groups = new Map<string, { files: DataFile[]; columns: FileColumns }>();
  for (const file of files) {
    const columns = await columnsOf(session, file);
    if (file.size === 0 || (file.format === "csv" && columns.header.length === 0)) continue;
    const key = JSON.stringify([
      file.format,
      columns.header,
      [...file.partitions.keys()],
      sources.map((source) => columns.types.get(source) ?? null),
      options.alone ? file.path : "",
    ]);
    const group = groups.get(key);
    if (group) group.files.push(file);
    else groups.set(key, { files: [file], columns });
  }
  return [...groups.values()].map((group) => new FileRelation(group.files, group.columns, options.directory, session));
}

/** What DuckDB's Parquet reader calls the number of a row in its file. */
const OWN_NUMBER = "file_row_number";

class FileRelation implements RawRelation {
  readonly shown: string;
  readonly #format: FileFormat;

  constructor(
    readonly files: readonly DataFile[],
    readonly columns: FileColumns,
    readonly directory: string,
    private readonly session: SqlSession,
  ) {
    const [first] = files;
    this.shown = first?.shown ?? "";
    this.#format = first?.format ?? "parquet";
  }

  typeOf(source: string): string | undefined {
    return this.columns.types.get(source) ?? (this.columns.open ? "VARCHAR" : undefined);
  }

  select(sources: readonly string[], provenance: boolean): string {
    const partitions = this.files[0]?.partitions ?? new Map<string, string | null>();
    const hive = sources.some((source) => partitions.has(source));
    const wordy = new Set(sources.filter((source) => this.#hasNullWord(source)));
    const options = [
      `hive_partitioning = ${hive}`,
      ...(hive ? ["hive_types_autocast = false"] : []),
      ...(provenance || wordy.size > 0 ? [`filename = ${text(PATH)}`] : []),
    ];
    const valueIn = (source: string): string =>
      wordy.has(source) ? withNullWord(source) : this.#isParquetFloat(source) ? unpruned(source) : identifier(source);
    const paths = `[${this.files.map(fileName).join(", ")}]`;
    const asked = sources.map((source, index) => `${valueIn(source)} AS c${index}`);
    const place = (row: string) => (provenance ? [`${this.#shown()} AS "@file"`, `${row} AS "@row"`] : []);
    const numbered = "row_number() OVER () - 1";
    if (this.#format === "parquet") {
      // The reader's own number, which may be filtered by, unless a column has its name.
      const isTaken = [...this.columns.types.keys()].some((name) => name.toLowerCase() === OWN_NUMBER);
      if (provenance && !isTaken) options.push(`${OWN_NUMBER} = true`);
      return `SELECT ${listed([...asked, ...place(isTaken ? numbered : OWN_NUMBER)])} FROM read_parquet(${[paths, ...options].join(", ")})`;
    }
    if (this.#format === "csv") {
      const columns = readerNames(this.columns.header)
        .map((name) => `${text(name)}: 'VARCHAR'`)
        .join(", ");
      return `SELECT ${listed([...asked, ...place(numbered)])} FROM read_csv(${[paths, CSV_DIALECT, `columns = {${columns}}`, ...options].join(", ")})`;
    }
    const fields = sources.filter((source) => !partitions.has(source));
    const values = sources.map((source, index) =>
      partitions.has(source) ? `${valueIn(source)} AS c${index}` : `f[${fields.indexOf(source) + 1}] AS c${index}`,
    );
    const folders = sources.filter((source) => partitions.has(source)).map(identifier);
    if (wordy.size > 0) folders.push(identifier(PATH));
    const parsed = `daedalus_json_fields(CAST(json AS VARCHAR), ${text(JSON.stringify(fields))}) AS f`;
    return `SELECT ${listed([...values, ...(provenance ? ['"@file"', '"@row"'] : [])])} FROM (SELECT ${listed([parsed, ...folders, ...place(numbered)])} FROM read_ndjson_objects(${[paths, longestObject(this.files, this.session), ...options].join(", ")}))`;
  }

  #isParquetFloat(source: string): boolean {
    if (this.#format !== "parquet" || this.files[0]?.partitions.has(source) === true) return false;
    return /^(?:FLOAT|DOUBLE)$/.test(this.columns.types.get(source) ?? "");
  }

  /** Whether a folder's value is the text NULL, in any case, which DuckDB takes for none. */
  #hasNullWord(source: string): boolean {
    return this.files.some(({ partitions }) => /^null$/i.test(partitions.get(source) ?? ""));
  }

  #shown(): string {
    const prefix = `${this.directory}/`;
    const path = identifier(PATH);
    return `CASE WHEN starts_with(${path}, ${text(prefix)}) THEN substr(${path}, ${[...prefix].length + 1}) ELSE ${path} END`;
  }
}

/** The column of a reader that has the file's path. */
const PATH = "@daedalus path";

/**
 * A float of a Parquet file, bit by bit, of which DuckDB knows no statistics: Parquet's leave NaN out, and conditions and joins that NaN meets
 * would lose it where these exclude all other values.
 */
function unpruned(source: string): string {
  return `-(-${identifier(source)})`;
}

/** A folder's value that may be the text NULL: from the path. */
function withNullWord(source: string): string {
  const name = source.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const word = `regexp_extract(${identifier(PATH)}, ${text(`/${name}=(null)/`)}, 1, 'i')`;
  return `coalesce(${identifier(source)}, nullif(${word}, ''))`;
}

/** The reader wants a name for every field: those without one get one that no other field has. */
function readerNames(header: readonly string[]): readonly string[] {
  const taken = new Set(header.map((name) => name.toLowerCase()));
  return header.map((name, index) => {
    if (name !== "") return name;
    let made = `unnamed ${index + 1}`;
    while (taken.has(made)) made += " ";
    return made;
  });
}

/** With buffers of the reader's own size, 32 MB, no small memory holds one; smaller ones are as fast. */
const CSV_BUFFERS = "buffer_size = 8388608, max_line_size = 2097152";
const CSV_DIALECT = `auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', ${CSV_BUFFERS}`;

function listed(expressions: readonly string[]): string {
  return expressions.length === 0 ? "1" : expressions.join(", ");
}
