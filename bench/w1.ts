/** W1 of the peer benchmark: lists of likes and their counts over three windows, memory to memory. See bench/README.md. */
import { measure } from "./pit-table/measure.js";

const windows = ["1d", "3d", "7d"];
const likes = { partitionBy: "user_id", events: ["like"], windows } as const;

await measure({
  name: "w1",
  file: "events.parquet",
  columns: { row_id: "BIGINT", user_id: "BIGINT", item_id: "BIGINT", event_timestamp: "BIGINT", event: "VARCHAR" },
  specs: [
    { ...likes, name: "likes", agg: "list", sourceColumn: "item_id", excludeSelf: true },
    { ...likes, name: "like_count", agg: "count" },
  ],
  options: { timestampColumn: "event_timestamp", timestampUnit: "us", eventColumn: "event" },
  carried: ["row_id", "user_id", "item_id", "event_timestamp", "event"],
  answers: windows.flatMap((window) => [`likes_${window}`, `like_count_${window}`]),
});
