import { expect, test } from "vitest";
import { asShown, checkout, follow } from "./page.js";

test.each(["docs/how-to.md", "docs/trust.md", "docs/nightly.md"])(
  "%s: every command, and what it shows",
  { timeout: 300_000 },
  async (document) => {
    const followed = await follow(document, checkout);
    asShown(followed);
    expect(followed.filter(({ shown }) => shown !== undefined).length).toBeGreaterThan(3);
  },
);
