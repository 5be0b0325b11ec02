/** A name in lines of so many characters, broken after `_` and `.` where it can be; three at most, the last cut with `…`. */
export function linesOf(name: string, characters: number): readonly string[] {
  const most = Math.max(4, characters);
  const lines: string[] = [];
  let rest = name;
  while (rest.length > most && lines.length < 2) {
    const broken = Math.max(rest.lastIndexOf("_", most - 1), rest.lastIndexOf(".", most - 1)) + 1;
    const end = broken > most / 3 ? broken : most;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...lines, rest.length > most ? `${rest.slice(0, most - 1)}…` : rest];
}
