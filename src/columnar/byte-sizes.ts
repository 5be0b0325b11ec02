const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** Bytes of a size as DuckDB writes a memory limit, `8GB`, `512 MiB`; undefined if it is none. */
export function parseByteSize(text: string): number | undefined {
  const [, size, unit] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?i?B)\s*$/i.exec(text) ?? [];
  const factor = UNITS[unit?.toUpperCase() ?? ""];
  return size === undefined || factor === undefined ? undefined : Math.round(Number(size) * factor);
}
