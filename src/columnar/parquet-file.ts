import { type FileHandle, open } from "node:fs/promises";
import type { FileMetaData, RowGroup, SchemaElement } from "hyparquet";
import { ByteWriter } from "hyparquet-writer/src/bytewriter.js";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import type { ParquetChunk } from "./parquet-chunks.js";

/** A column of the file: flat, of one of the types that chunks are made of. */
export interface ParquetColumn {
  readonly name: string;
  readonly type: "DOUBLE" | "BOOLEAN" | "BIGINT" | "text" | "instant_us" | "instant_ns";
  readonly nullable: boolean;
}

/** Where a chunk lies, and what the footer tells of it. */
export interface PlacedChunk extends Omit<ParquetChunk, "parts"> {
  readonly offset: number;
  readonly bytes: number;
}

const FLUSHED_AT = 128 * 2 ** 20;
const MAGIC = new TextEncoder().encode("PAR1");

/** A Parquet file that is written chunk by chunk; the footer says which chunks are its rows, in which order. */
export class ParquetFile {
  #position = 0;
  #unflushed = 0;
  #flushing: Promise<void> | undefined;

  private constructor(private readonly handle: FileHandle) {}

  /** Throws what the file system throws. */
  static async create(path: string): Promise<ParquetFile> {
    const file = new ParquetFile(await open(path, "wx"));
    await file.#append([MAGIC]);
    return file;
  }

  async append({ parts, ...chunk }: ParquetChunk): Promise<PlacedChunk> {
    const offset = this.#position;
    await this.#append(parts);
    return { ...chunk, offset, bytes: this.#position - offset };
  }

  /** Groups are lists of chunks, in the order of the columns. The file is on the disk when it returns. */
  async finish(
    columns: readonly ParquetColumn[],
    groups: readonly (readonly PlacedChunk[])[],
    metadata: Readonly<Record<string, string>>,
  ): Promise<void> {
    const footer = new ByteWriter();
    writeMetadata(footer, footerOf(columns, groups, metadata));
    footer.appendBytes(MAGIC);
    await this.#append([new Uint8Array(footer.getBuffer())]);
    await this.#flushing;
    await this.handle.datasync();
    await this.handle.close();
  }

  /** Without a footer: the file is to be removed. */
  async abandon(): Promise<void> {
    await this.#flushing;
    await this.handle.close();
  }

  async #append(parts: readonly Uint8Array[]): Promise<void> {
    const wanted = parts.reduce((sum, { length }) => sum + length, 0);
    const { bytesWritten } = await this.handle.writev([...parts], this.#position);
    let written = bytesWritten;
    if (written < wanted) {
      // A write may end early, as at a limit of the system: the rest follows piece by piece.
      const rest = Buffer.concat(parts).subarray(written);
      for (let at = 0; at < rest.length; ) {
        const more = await this.handle.write(rest, at, rest.length - at, this.#position + written);
        at += more.bytesWritten;
        written += more.bytesWritten;
      }
    }
    this.#position += wanted;
    this.#flush(wanted);
  }

  /** Begins to bring to the disk what has been written, so that little is left to wait for in the end. */
  #flush(bytes: number): void {
    this.#unflushed += bytes;
    if (this.#unflushed < FLUSHED_AT || this.#flushing !== undefined) return;
    this.#unflushed = 0;
    // What goes wrong is told by the last one, which waits.
    this.#flushing = this.handle
      .datasync()
      .catch(() => undefined)
      .finally(() => {
        this.#flushing = undefined;
      });
  }
}

function footerOf(
  columns: readonly ParquetColumn[],
  groups: readonly (readonly PlacedChunk[])[],
  metadata: Readonly<Record<string, string>>,
): FileMetaData {
  const rowGroups = groups.map((chunks) => rowGroupOf(columns, chunks));
  return {
    version: 2,
    schema: [{ name: "schema", num_children: columns.length }, ...columns.map(elementOf)],
    num_rows: rowGroups.reduce((sum, group) => sum + group.num_rows, 0n),
    row_groups: rowGroups,
    key_value_metadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    created_by: "daedalus",
    metadata_length: 0,
  };
}

function rowGroupOf(columns: readonly ParquetColumn[], chunks: readonly PlacedChunk[]): RowGroup {
  const size = BigInt(chunks.reduce((sum, { bytes }) => sum + bytes, 0));
  return {
    columns: chunks.map((chunk, place) => ({
      file_offset: 0n,
      meta_data: {
        type: chunk.type,
        encodings: [...chunk.encodings],
        path_in_schema: [columns[place]?.name ?? ""],
        codec: "UNCOMPRESSED",
        num_values: BigInt(chunk.rows),
        total_uncompressed_size: BigInt(chunk.bytes),
        total_compressed_size: BigInt(chunk.bytes),
        data_page_offset: BigInt(chunk.offset + (chunk.dictionary ?? 0)),
        ...(chunk.dictionary === undefined ? {} : { dictionary_page_offset: BigInt(chunk.offset) }),
        statistics: {
          null_count: BigInt(chunk.nulls),
          ...(chunk.min === undefined || chunk.max === undefined ? {} : { min_value: chunk.min, max_value: chunk.max }),
        },
      },
    })),
    total_byte_size: size,
    num_rows: BigInt(chunks[0]?.rows ?? 0),
    total_compressed_size: size,
  };
}

function elementOf({ name, type, nullable }: ParquetColumn): SchemaElement {
  const repetition_type = nullable ? "OPTIONAL" : "REQUIRED";
  switch (type) {
    case "DOUBLE":
    case "BOOLEAN":
      return { name, type, repetition_type };
    case "BIGINT":
      return { name, type: "INT64", repetition_type };
    case "text":
      return { name, type: "BYTE_ARRAY", repetition_type, converted_type: "UTF8", logical_type: { type: "STRING" } };
    case "instant_us":
    case "instant_ns": {
      const unit = type === "instant_us" ? "MICROS" : "NANOS";
      const converted = unit === "MICROS" ? ({ converted_type: "TIMESTAMP_MICROS" } as const) : {};
      const logical_type = { type: "TIMESTAMP", isAdjustedToUTC: true, unit } as const;
      return { name, type: "INT64", repetition_type, ...converted, logical_type };
    }
  }
}
