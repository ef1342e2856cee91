import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { BatchRow } from '../contracts/batch.ts';
import type { ShardFacts } from '../pipeline/ports.ts';
import { shardSchema } from './shard-schema.ts';

/**
 * Rows of a row group. The writer spreads a list's elements and levels over JavaScript arrays, some 40 bytes for each
 * of the features' 4: 1,000 rows of 512 take 20 MB for a moment, and readers can take the file in pieces as small.
 */
const rowsPerGroup = 1000;

/** Rows as a Parquet file. The same rows and facts give the same bytes: no time is in them. */
export function writeShard(rows: readonly BatchRow[], facts: ShardFacts): Uint8Array {
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({
    writer,
    schema: shardSchema,
    codec: 'SNAPPY',
    createdBy: 'image-gpt-serverless',
    kvMetadata: Object.entries(facts).map(([key, value]) => ({ key, value })),
  });
  for (let start = 0; start < rows.length; start += rowsPerGroup) {
    const group = rows.slice(start, start + rowsPerGroup);
    void parquet.write({ columnData: columnsOf(group), rowGroupSize: rowsPerGroup });
  }
  void parquet.finish();
  return writer.getBytes();
}

function columnsOf(rows: readonly BatchRow[]) {
  const column = <T>(name: string, of: (row: BatchRow) => T) => ({ name, data: rows.map(of) });
  return [
    column('key', (row) => row.key),
    column('etag', (row) => row.etag),
    column('width', (row) => row.width),
    column('height', (row) => row.height),
    column('label', (row) => row.label),
    column('probability', (row) => row.probability),
    column('top5', (row) => row.top5),
    {
      ...column('features', (row) => (row.features === null ? null : Array.from(row.features))),
      // Numbers of a network are all different and look random: looking for repetitions would only take time.
      encoding: 'PLAIN',
      codec: 'UNCOMPRESSED',
      statistics: false,
    } as const,
    column('nats_per_token', (row) => row.nats_per_token),
    column('error_code', (row) => row.error_code),
  ];
}
