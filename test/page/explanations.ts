import type { ExplainedOperator, Explanation } from "#daedalus/compiler/explain.js";

// Explanations that no project gives, for what a page must bear.

function operator(name: string, inputs: readonly string[], more: Partial<ExplainedOperator> = {}): ExplainedOperator {
  return {
    name,
    kind: "project",
    engine: "sql",
    inputs,
    does: `does ${name}`,
    fields: {},
    sql: [],
    composedInto: [],
    ...more,
  };
}

const EMPTY: Omit<Explanation, "operators" | "columns"> = {
  service: "service",
  version: "1",
  spine: "feed",
  stages: [],
  leakingViews: [],
  notCausal: [],
  notes: [],
};

/** Names that would be markup, script, a path or a pattern if anybody took them for it. */
export const HOSTILE = [
  "<img src=x onerror=\"window.hacked='img'\">",
  "</script><script>window.hacked='script'</script>",
  "<!--<script>",
  `"quotes" 'both' \\ and back`,
  "$& $1 ${window.hacked='template'} {{script}}",
  "__proto__",
] as const;

export function hostileExplanation(): Explanation {
  const [image, script, comment, quotes, dollars, proto] = HOSTILE;
  const operators = [
    operator(image, [], { kind: "scan", fields: { view: script, limit: 9007199254740993n }, does: image }),
    operator(comment, [], { kind: "scan", fields: { view: quotes } }),
    operator(script, [image, comment], { sql: [`SELECT '${script}' AS "${image}"`], composedInto: [proto] }),
    operator(quotes, [script], { kind: "filter", does: `drops where ${quotes}` }),
    operator(dollars, [quotes], { kind: "rolling_aggregate" }),
    operator(proto, [dollars], { kind: "sink", sql: [`COPY ${dollars} ${script}`] }),
  ];
  return {
    ...EMPTY,
    service: script,
    version: image,
    spine: quotes,
    operators,
    columns: HOSTILE.map((name) => ({
      name,
      dtype: "TEXT",
      kind: "static",
      engines: ["sql"],
      operators: [image, script, proto],
      sources: [`${script}.${image}`],
      leaks: [script],
    })),
    leakingViews: [{ view: script, operators: [script], columns: [...HOSTILE], availableIgnored: true }],
    notCausal: [`column ${script}: ${image}`],
    notes: [`${image} ${comment} ${dollars}`],
    written: {
      outputRoot: image,
      count: 1,
      days: [{ day: "2024-01-01", rows: 2 }],
      columns: HOSTILE.map((name) => ({ name, nulls: [1], min: [image], max: [script], distinct: [1] })),
    },
  };
}

/** Many operators in a deterministic tangle, with names of every length, some in wide characters. */
export function tangledExplanation(count: number): Explanation {
  let state = 17;
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
  const operators: ExplainedOperator[] = [];
  for (let index = 0; index < count; index++) {
    const words = Array.from(
      { length: 1 + next(7) },
      () => ["join", "histories", "WWWWWWWWWWWW", "作品推薦", "i"][next(5)],
    );
    const name = `${words.join("_")}_${index}`;
    const inputs = new Set<string>();
    for (let input = 0; input < Math.min(index, next(4)); input++)
      inputs.add(operators[Math.max(0, index - 1 - next(12))]?.name ?? "");
    operators.push(
      operator(name, [...inputs], {
        engine: (["sql", "sql_arrow_udf", "pythonic"] as const)[next(3)] ?? "sql",
        measured: {
          engine: "duckdb",
          rows: 10 ** next(15),
          dropped: 10 ** next(15),
          bytes: 10 ** next(14),
          seconds: next(1000) / 7,
          countedIn: [],
        },
      }),
    );
  }
  return {
    ...EMPTY,
    operators,
    columns: [],
    leakingViews: [
      {
        view: "v",
        operators: operators.filter((_, index) => index % 3 === 0).map(({ name }) => name),
        columns: [],
        availableIgnored: false,
      },
    ],
    analysis: {
      day: "2024-01-01",
      rows: 1,
      seconds: 1000,
      otherSeconds: 0,
      peakMemoryBytes: 1,
      peakResidentBytes: 1,
    },
  };
}
