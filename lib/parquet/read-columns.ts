import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { memoryFile, parquetDamaged } from './memory-file.ts';

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
