/** A scalar or list as written in YAML; integers are exact (`bigint`), so `1` and `1.0` differ. */
export type Literal = string | number | bigint | boolean | null | readonly Literal[];
