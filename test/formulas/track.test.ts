import { expect, test } from "vitest";
import { Arena } from "#daedalus/columnar/arena.js";
import { BLOCK, Track } from "#daedalus/formulas/lowering/kernel/track.js";
import { randomFrom } from "./nasty-columns.js";

test("as many rows as are looked back at lie before the block, zeros before a symbol's first, whatever the symbol before it had", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = randomFrom(seed);
    const reach = 1 + Math.floor(random() ** 3 * 30_000);
    const arena = new Arena();
    const track = new Track(8);
    track.need(reach);
    track.place(arena);
    for (let symbol = 0; symbol < 6; symbol++) {
      track.clear(arena);
      const rows: number[] = [];
      const most = random() < 0.5 ? 3 * BLOCK : 3 * reach + 4 * BLOCK;
      while (rows.length < most) {
        const count = 1 + Math.floor(random() * BLOCK);
        const wanted = Array.from({ length: reach }, (_, place) => rows[rows.length - reach + place] ?? 0);
        const before = new Float64Array(arena.memory.buffer, track.at(reach), reach);
        const place = before.findIndex((value, at) => value !== wanted[at]);
        expect([seed, symbol, rows.length, place]).toEqual([seed, symbol, rows.length, -1]);
        const own = Array.from({ length: count }, (_, row) => rows.length + row + 1);
        new Float64Array(arena.memory.buffer, track.at(), count).set(own);
        rows.push(...own);
        track.advance(count, arena);
      }
    }
  }
});
