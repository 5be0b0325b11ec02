import { family } from "./catalogue.js";

/** What stops a training run or a day of it; see `catalogue.ts`. */
export const trainingProblem = family("training", {
  "day-without-rows": (p: { what: string; view: string; address: string; nearest: readonly string[] }) => ({
    says: `view "${p.view}" (${p.address}) has no row ${p.what}`,
    help:
      p.nearest.length === 0
        ? "it has no row with an event time of the years 1 to 9999: is timestamp_unit the unit that its times have?"
        : `the nearest days that have some: ${p.nearest.join(", ")}`,
  }),
  "bad-day": (p: { option: string; value: string }) => ({
    says: `${p.option} ${p.value} is not a date`,
    help: "write it as YYYY-MM-DD",
  }),
  "bad-range": (p: { from: string; to: string }) => ({
    says: `--from ${p.from} is later than --to ${p.to}`,
    help: "both days belong to the range",
  }),
  "conflicting-options": (p: { first: string; second: string }) => ({
    says: `${p.first} and ${p.second} cannot be used together`,
    help: "give one of them",
  }),
  "no-embeddings": (p: { service: string }) => ({
    says: `service "${p.service}" has no embedding columns for --enrich-only to fill`,
    help: "leave --enrich-only out",
  }),
  "output-is-input": (p: { root: string; view: string; path: string }) => ({
    says: `view "${p.view}" reads ${p.path}, where the days would be written: the next run would take them for data (${p.root})`,
    help: "choose another folder with --output-root or output_root in runtime.yaml, or a narrower path for the view",
  }),
  "other-service": (p: { root: string; found: string; wanted: string }) => ({
    says: `${p.root} holds the days of service "${p.found}", not of "${p.wanted}"`,
    help: "choose another folder with --output-root or output_root in runtime.yaml",
  }),
  "foreign-days": (p: { root: string; example: string }) => ({
    says: `${p.root} holds "${p.example}", which Daedalus did not write`,
    help: "choose an empty or new folder with --output-root or output_root in runtime.yaml",
  }),
  "input-keeps-changing": (p: { day: string; changes: readonly string[] }) => ({
    says: `the inputs of ${p.day} changed twice while it was read: ${p.changes.join("; ")}`,
    help: "run again when whoever writes them has finished",
  }),
  "qid-map-missing": (p: { path: string; days: number }) => ({
    says: `${p.path} is missing, but ${p.days} ${p.days === 1 ? "day exists" : "days exist"} whose qid it gave`,
    help: "put it back, or number all days anew with --force, of the feed's months or of a range (--from, --to) that holds all written days",
  }),
  "qid-map-damaged": (p: { path: string; how: string }) => ({
    says: `${p.path} is damaged: ${p.how}`,
    help: "put the right file back, or number all days anew with --force, of the feed's months or of a range (--from, --to) that holds all written days",
  }),
  "qid-map-needed": (p: { root: string; days: readonly string[] }) => ({
    says: `the days of ${p.root} cannot be numbered anew, since ${p.days.join(", ")} would keep their old qid`,
    help: "delete these days, or give a range (--from, --to) that holds all days of the folder",
  }),
  "part-missing": (p: { path: string; what: string }) => ({
    says: `${p.path} ${p.what}`,
    help: "the day is written again by the next train",
  }),
});
