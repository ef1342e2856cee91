import { type AsyncBuffer, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { ImageGptError } from '../../ports/error.ts';

/** A Parquet file is damaged, or holds something else than expected. */
export class ParquetError extends ImageGptError {}

/** Bytes as what hyparquet reads from. */
export function memoryFile(bytes: Uint8Array): AsyncBuffer {
  return {
    byteLength: bytes.length,
    slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
}

export function parquetDamaged(cause: unknown): ParquetError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ParquetError(
    'parquet_damaged',
    `Expected a whole Parquet file, but reading it said: ${why.slice(0, 200)}`,
    {
      cause,
    },
  );
}

/**
 * The rows of any Parquet file in memory, row group by row group, with those of `columns` that it has.
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
    const there = new Set(metadata.schema.map(({ name }) => name));
    const wanted = columns.filter((name) => there.has(name));
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
