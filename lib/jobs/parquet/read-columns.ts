import { type AsyncBuffer, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { ImageGptError } from '../../ports/error.ts';

/** A Parquet file is damaged or has unexpected content. */
export class ParquetError extends ImageGptError {}

/** Bytes in the form that hyparquet reads. */
export function memoryFile(bytes: Uint8Array): AsyncBuffer {
  return {
    byteLength: bytes.length,
    slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
}

export function parquetDamaged(cause: unknown): ParquetError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `Expected a whole Parquet file, but it cannot be read: ${why.slice(0, 200)}`;
  return new ParquetError('parquet_damaged', message, { cause });
}

/**
 * Reads the rows of a Parquet file in memory, one row group at a time. Columns that the file does not have are skipped.
 *
 * @throws {ParquetError} `parquet_damaged`
 */
export async function* readColumns(
  bytes: Uint8Array,
  columns: readonly string[],
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const file = memoryFile(bytes);
  try {
    const metadata = parquetMetadata(bytes);
    const names = new Set(metadata.schema.map(({ name }) => name));
    const wanted = columns.filter((name) => names.has(name));
    let start = 0;
    for (const group of metadata.row_groups) {
      const end = start + Number(group.num_rows);
      yield* await parquetReadObjects({ file, metadata, columns: wanted, rowStart: start, rowEnd: end });
      start = end;
    }
  } catch (error) {
    throw parquetDamaged(error);
  }
}
