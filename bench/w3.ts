/** W3 of the peer benchmark: the mean of the 7 days before each row, by group; the operator alone. See bench/README.md. */
import { measure } from "./pit-table/measure.js";

await measure({
  name: "w3",
  file: "daily.parquet",
  columns: { row_id: "BIGINT", group_id: "BIGINT", ts: "BIGINT", value: "DOUBLE" },
  specs: [{ name: "mean", agg: "mean", sourceColumn: "value", partitionBy: "group_id", windows: ["7d"] }],
  options: { timestampColumn: "ts", timestampUnit: "us" },
  carried: ["row_id", "group_id", "ts"],
  answers: ["mean_7d"],
});
