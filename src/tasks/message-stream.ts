import type { Readable } from "node:stream";

/**
 * Calls back with each document of a stream of them, one JSON text a line. Not `node:readline`, which also ends lines at
 * U+2028, and JSON may hold that.
 */
export function onMessages<Message>(stream: Readable, onMessage: (message: Message) => void): void {
  let begun: string[] = [];
  stream.setEncoding("utf8").on("data", (text: string) => {
    const [head = "", ...lines] = text.split("\n");
    begun.push(head);
    for (const next of lines) {
      onMessage(JSON.parse(begun.join("")) as Message);
      begun = [next];
    }
  });
}
