/**
 * What a value passed on its way to the file; plain data, the JSON form is this. Instants are ISO 8601 text, values are text
 * as `shown` writes them.
 */
export type Step =
  | ScanStep
  | JoinStep
  | WindowStep
  | ConvertStep
  | TimestampStep
  | LiteralStep
  | SqlStep
  | AgeStep
  | CurateStep
  | RemapStep
  | DefaultStep
  | QidStep
  | EmbeddingStep
  | CallStep;

/** Read as it stands from a row of a view. */
export interface ScanStep {
  readonly type: "scan";
  readonly operator: string;
  readonly view: string;
  readonly row?: RowReference;
}

/** A row of a source, as a story names it. */
export interface RowReference {
  readonly file?: string;
  /** From 1. */
  readonly row?: number;
  readonly time?: string;
  readonly available?: string;
  readonly value?: string;
  /** Rows of joined views that the value came through: `view file:row`. */
  readonly through?: readonly string[];
  /** True if it is the explained row. */
  readonly itself?: true;
}

/** Rows that did not enter, by reason. */
export interface Excluded {
  readonly reason: ExclusionReason;
  readonly count: number;
  /** The first `MOST_ROWS` of them, by time. */
  readonly rows: readonly RowReference[];
}

export type ExclusionReason =
  /** It has no time: an as-of join never sees it. */
  | "no time"
  | "later"
  | "same instant"
  | "outside the window"
  | "not yet available"
  | "never available"
  | "other event"
  | "where is not TRUE"
  | "NULL value"
  | "own value"
  | "duplicate of a later one"
  | "beyond max_length"
  /** Of a single-row join: an earlier one than the chosen row. */
  | "earlier"
  | "older than ttl"
  | "lost tie";

/** Rows that a story lists of each reason; the others are counted. */
export const MOST_ROWS = 50;

/** A static (`join`) or point-in-time (`pit_join`) look at one row of a view. */
export interface JoinStep {
  readonly type: "join" | "pit_join";
  readonly operator: string;
  readonly view: string;
  /** The left values that were looked for, by right column. */
  readonly keys: Readonly<Record<string, string>>;
  /** The left row's instant; of a static join without as-of meaning. */
  readonly time?: string;
  readonly ttl?: string;
  /** Absent: no row, so NULL. */
  readonly chosen?: RowReference;
  readonly excluded: readonly Excluded[];
  /** Why nothing was looked for: a key is NULL. */
  readonly nullKey?: string;
}

/** A window over a history: a rolling aggregate, or a lookup that collects. */
export interface WindowStep {
  readonly type: "window";
  readonly operator: string;
  readonly spec: string;
  readonly view: string;
  readonly agg: string;
  readonly keys: Readonly<Record<string, string>>;
  /** `[from, before)`; without `from`: everything before. */
  readonly from?: string;
  readonly before: string;
  /** The own value that `exclude_self` drops. */
  readonly own?: string;
  readonly entered: { readonly count: number; readonly rows: readonly RowReference[] };
  readonly excluded: readonly Excluded[];
  readonly nullKey?: string;
}

/** A number became another dtype. */
export interface ConvertStep {
  readonly type: "convert";
  readonly operator: string;
  readonly from: string;
  readonly to: string;
  readonly before: string;
  readonly after: string;
}

/** An instant became a TIMESTAMP: the floor to microseconds. */
export interface TimestampStep {
  readonly type: "timestamp";
  readonly operator: string;
  readonly instant: string;
}

/** No operator produces the column: the same literal in every row. */
export interface LiteralStep {
  readonly type: "literal";
  readonly operator: string;
  readonly after: string;
}

/** No operator produces the column: `default_sql` in every row. */
export interface SqlStep {
  readonly type: "sql";
  readonly operator: string;
  readonly sql: string;
  readonly after: string;
}

export interface AgeStep {
  readonly type: "age";
  readonly operator: string;
  readonly time: string;
  readonly created: string;
  readonly unit: string;
  /** Where `created` was read. */
  readonly createdSteps: readonly Step[];
}

export interface CurateStep {
  readonly type: "curate";
  readonly operator: string;
  readonly where: string;
  /** What the predicate said; NULL does not apply. */
  readonly verdict: "TRUE" | "FALSE" | "NULL";
  readonly before: string;
  readonly after: string;
}

export interface RemapStep {
  readonly type: "remap";
  readonly operator: string;
  readonly rule: "map" | "otherwise" | "unchanged" | "NULL stays";
  readonly before: string;
  readonly after: string;
}

/** `nullable: false`: a NULL cell took the default. */
export interface DefaultStep {
  readonly type: "default";
  readonly operator: string;
  readonly from: "default" | "default_sql";
  readonly before: string;
  readonly after: string;
}

export interface QidStep {
  readonly type: "qid";
  readonly operator: string;
  readonly session: string;
  readonly day: string;
  /** Absent: the session has no number (yet). */
  readonly number?: string;
}

/** Enrich fills the column from the vectors of ids. */
export interface EmbeddingStep {
  readonly type: "embedding";
  readonly operator: string;
  readonly store: string;
  /** The column of the id, or of the list whose mean it is. */
  readonly ids: string;
  /** Of a filled column: how many ids of the row there are, and how many of them have a vector. Absent: it waits for enrich. */
  readonly filled?: { readonly asked: number; readonly found: number; readonly mean: boolean };
}

/** A function of the user's. */
export interface CallStep {
  readonly type: "call";
  readonly operator: string;
  readonly function: string;
  readonly arguments: Readonly<Record<string, string>>;
  readonly after: string;
}

/** The filter that took the row away, and why. */
export type DroppedBy =
  | {
      readonly type: "session";
      readonly filter: string;
      readonly kind: "view-only" | "single-like";
      readonly session: string;
      readonly day: string;
      /** Rows of the session on the day, those whose event is outside `view_events`, and of these the likes. */
      readonly rows: number;
      readonly outside: number;
      readonly likes: number;
    }
  | {
      readonly type: "content";
      readonly filter: string;
      /** The predicate that was TRUE, as written. */
      readonly where: string;
      /** What it read, by column. */
      readonly values: Readonly<Record<string, string>>;
    }
  | {
      readonly type: "coverage";
      readonly filter: string;
      /** The store that has no vector for the id. */
      readonly store: string;
      readonly column: string;
      readonly id: string;
    };
