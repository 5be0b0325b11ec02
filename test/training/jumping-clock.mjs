// `node --import jumping-clock.mjs`: the clock of the process jumps with every look at it, hours forth and days back.
const RealDate = Date;
const JUMPS = [0, 7_200_000, -86_400_000, 3_600_000, -1_000_000_000];
let looks = 0;

function now() {
  looks += 1;
  return RealDate.now() + (JUMPS[looks % JUMPS.length] ?? 0);
}

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }
  static now() {
    return now();
  }
};
