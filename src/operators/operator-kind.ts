import type { EngineTag, Operator, Schema } from "./operator.js";
import { type Fields, type Form, mapOf } from "./yaml-form.js";

/** Everything that holds for all operators of a kind. */
export interface OperatorKind<T extends Operator> {
  readonly kind: T["kind"];
  /** The engine tags that an author may choose. */
  readonly canRunOn: readonly EngineTag[];
  /** A frozen operator. */
  readonly of: (fields: Omit<T, "kind">) => T;
  /** The output's columns, given the inputs' in order. Throws DaedalusError `compiler/operator-column` if one is missing. */
  readonly schema: (self: T, inputs: readonly Schema[]) => Schema;
  /** Reads the YAML form back. */
  readonly form: Form<T>;
}

interface Definition<T extends Operator> {
  readonly kind: T["kind"];
  readonly canRunOn: readonly EngineTag[];
  readonly fields: Fields<T>;
  readonly schema: (self: T, inputs: readonly Schema[]) => Schema;
}

export function operatorKind<T extends Operator>(definition: Definition<T>): OperatorKind<T> {
  const { kind, canRunOn, fields, schema } = definition;
  const form = mapOf<T>(fields);
  return Object.freeze({
    kind,
    canRunOn: Object.freeze([...canRunOn]),
    of: (given: Omit<T, "kind">) => deepFreeze({ kind, ...given } as T),
    schema,
    form: { read: (value: Parameters<Form<T>["read"]>[0], path: string) => deepFreeze(form.read(value, path)) },
  });
}

export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === "object" && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const entry of Object.values(value)) deepFreeze(entry);
  }
  return value;
}
