import type { PitTableEngine } from "../pit-table.js";
import { aggregateInTables } from "../sql/aggregate-pit-table.js";
import { rollingAggregate } from "./rolling-aggregate.js";

/** The operator's own cell: its files are written from tables of an instance of DuckDB, and its answers read there. */
export const aggregatePitTable: PitTableEngine = (job) => aggregateInTables(job, rollingAggregate);
