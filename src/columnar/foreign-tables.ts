import {
  Binary,
  Bool,
  Data,
  DataType,
  Date_,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float,
  Int,
  LargeBinary,
  LargeUtf8,
  List,
  makeData,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Time,
  Timestamp,
  Utf8,
  Vector,
} from "apache-arrow";

/**
 * Tables of another copy or version of apache-arrow: what its classes are called and how values lie is the same, and what checks by
 * class would refuse them. Buffers are shared, not copied.
 */

/** Whether it is a table of some apache-arrow. */
export function isTable(value: unknown): value is Table {
  if (value instanceof Table) return true;
  if (typeof value !== "object" || value === null) return false;
  const { schema, numRows, batches } = value as Partial<Table>;
  return typeof numRows === "number" && Array.isArray(schema?.fields) && Array.isArray(batches);
}

/** The table as one of this apache-arrow. Throws RangeError for a column of a type that this one has not. */
export function ownTable(table: Table): Table {
  if (table instanceof Table) return table;
  const foreign = table as Table;
  const fields = foreign.schema.fields.map(ownField);
  const schema = new Schema(fields, foreign.schema.metadata);
  const type = new Struct(fields);
  const batches = foreign.batches.map(({ data }) => {
    const children = fields.map((field, place) => ownData(field.type, data.children[place] as Data));
    return new RecordBatch(schema, makeData({ type, length: data.length, nullCount: 0, children }));
  });
  return new Table(schema, batches);
}

function ownField({ name, type, nullable, metadata }: Field): Field {
  try {
    return new Field(name, ownType(type), nullable, metadata);
  } catch (error) {
    if (!(error instanceof NoSuchType)) throw error;
    throw new RangeError(
      `the column "${name}" is ${error.message} of another apache-arrow than the one that Daedalus uses: build the table with that one`,
    );
  }
}

class NoSuchType extends Error {
  override readonly name = "NoSuchType";
}

function ownType(type: DataType): DataType {
  if (DataType.isNull(type)) return new Null();
  if (DataType.isInt(type)) return new Int(type.isSigned, type.bitWidth);
  if (DataType.isFloat(type)) return new Float(type.precision);
  if (DataType.isBool(type)) return new Bool();
  if (DataType.isUtf8(type)) return new Utf8();
  if (DataType.isLargeUtf8(type)) return new LargeUtf8();
  if (DataType.isBinary(type)) return new Binary();
  if (DataType.isLargeBinary(type)) return new LargeBinary();
  if (DataType.isFixedSizeBinary(type)) return new FixedSizeBinary(type.byteWidth);
  if (DataType.isDecimal(type)) return new Decimal(type.scale, type.precision, type.bitWidth);
  if (DataType.isDate(type)) return new Date_(type.unit);
  if (DataType.isTime(type)) return new Time(type.unit, type.bitWidth);
  if (DataType.isTimestamp(type)) return new Timestamp(type.unit, type.timezone);
  if (DataType.isDuration(type)) return new Duration(type.unit);
  if (DataType.isStruct(type)) return new Struct(type.children.map(ownField));
  if (DataType.isList(type)) return new List(ownField(type.children[0] as Field));
  if (DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, ownField(type.children[0] as Field));
  if (DataType.isDictionary(type))
    return new Dictionary(
      ownType(type.dictionary),
      ownType(type.indices) as Dictionary["indices"],
      type.id,
      type.isOrdered,
    );
  throw new NoSuchType(String(type));
}

function ownData(type: DataType, { offset, length, nullCount, children, dictionary, ...buffers }: Data): Data {
  const { valueOffsets, values, nullBitmap, typeIds } = buffers;
  const fields = DataType.isDictionary(type) ? [] : (type.children ?? []);
  const words = DataType.isDictionary(type)
    ? dictionary?.data.map((data) => ownData(type.dictionary, data))
    : undefined;
  return new Data(
    type,
    offset,
    length,
    nullCount,
    [valueOffsets, values, nullBitmap, typeIds],
    fields.map((field: Field, place: number) => ownData(field.type, children[place] as Data)),
    words === undefined ? undefined : new Vector(words),
  );
}
