import type { Readable } from "node:stream";

/**
 * Calls back with each line of a stream of JSON documents. Not `node:readline`, which also ends lines at U+2028, and JSON may
 * hold that.
 */
export function onLines(stream: Readable, onLine: (line: string) => void): void {
  let begun: string[] = [];
  stream.setEncoding("utf8").on("data", (text: string) => {
    const [head = "", ...lines] = text.split("\n");
    begun.push(head);
    for (const next of lines) {
      onLine(begun.join(""));
      begun = [next];
    }
  });
}
