import { type FileMetaData, parquetMetadata, parquetReadObjects, type SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { z } from 'zod';
import { type JobRow, rowErrorCode } from '../../contracts/job.ts';
import type { OpenShard, ShardFacts, ShardFormat } from '../shard.ts';
import { memoryFile, parquetDamaged } from './read-columns.ts';

/** Shards as Parquet files. */
export const parquetShards: ShardFormat = {
  write: async (rows, facts) => writeShard(rows, facts),
  open: openShard,
};

const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const;
const list = { converted_type: 'LIST', logical_type: { type: 'LIST' }, num_children: 1 } as const;
const optional = { repetition_type: 'OPTIONAL' } as const;
const required = { repetition_type: 'REQUIRED' } as const;

/**
 * Columns of a shard. Lists have the three levels that the Parquet format asks for. The format has no lists of fixed
 * size. But every list of `features` in a job has d elements, so DuckDB can cast the column to FLOAT[d].
 */
const shardSchema: SchemaElement[] = [
  { name: 'root', num_children: 10 },
  { name: 'key', ...text, ...required },
  { name: 'etag', ...text, ...optional },
  { name: 'width', type: 'INT32', ...optional },
  { name: 'height', type: 'INT32', ...optional },
  { name: 'label', ...text, ...optional },
  { name: 'probability', type: 'DOUBLE', ...optional },
  { name: 'top5', ...list, ...optional },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', ...required, num_children: 3 },
  { name: 'label', ...text, ...required },
  { name: 'index', type: 'INT32', ...required },
  { name: 'probability', type: 'DOUBLE', ...required },
  { name: 'features', ...list, ...optional },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', type: 'FLOAT', ...required },
  { name: 'nats_per_token', type: 'DOUBLE', ...optional },
  { name: 'error_code', ...text, ...optional },
];

/**
 * Rows of a row group. The writer copies a list's elements and levels into JavaScript arrays: about 40 bytes for each
 * 4-byte feature. So 1,000 rows of 512 features take 20 MB for a moment. Readers can read the file in groups of this
 * size.
 */
const rowsPerGroup = 1000;

/** Writes rows as a Parquet file. The same rows and facts give the same bytes, because the file holds no time. */
export function writeShard(rows: readonly JobRow[], facts: ShardFacts): Uint8Array {
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

function columnsOf(rows: readonly JobRow[]) {
  const column = <T>(name: string, of: (row: JobRow) => T) => ({ name, data: rows.map(of) });
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
      // Features do not compress: a dictionary or compression would only take time.
      encoding: 'PLAIN',
      codec: 'UNCOMPRESSED',
      statistics: false,
    } as const,
    column('nats_per_token', (row) => row.nats_per_token),
    column('error_code', (row) => row.error_code),
  ];
}

/**
 * Opens a shard that is in memory.
 *
 * @throws {ParquetError} `parquet_damaged`, here or when its rows are read
 */
export function openShard(bytes: Uint8Array): OpenShard {
  const metadata = readMetadata(bytes);
  const file = memoryFile(bytes);
  return {
    facts: factsOf(metadata),
    rows: Number(metadata.num_rows),
    groups: metadata.row_groups.map((group) => Number(group.num_rows)),
    async read({ columns, start = 0, end = Number(metadata.num_rows) } = {}) {
      try {
        const range = { file, metadata, rowStart: start, rowEnd: end };
        const read = await parquetReadObjects(
          columns === undefined ? range : { ...range, columns: [...new Set(['key', ...columns])] },
        );
        return read.map(rowOf);
      } catch (error) {
        throw parquetDamaged(error);
      }
    },
  };
}

function readMetadata(bytes: Uint8Array): FileMetaData {
  try {
    return parquetMetadata(bytes);
  } catch (error) {
    throw parquetDamaged(error);
  }
}

function factsOf({ key_value_metadata: pairs = [] }: FileMetaData): ShardFacts {
  return Object.fromEntries(pairs.map(({ key, value = '' }) => [key, value]));
}

const features = z.instanceof(Array).transform((values) => Float32Array.from(values, Number));

const label = z.strictObject({ label: z.string(), index: z.number(), probability: z.number() });

/** Columns that were not asked for are absent. */
const row = z.object({
  key: z.string(),
  etag: z.string().nullish(),
  width: z.number().nullish(),
  height: z.number().nullish(),
  label: z.string().nullish(),
  probability: z.number().nullish(),
  top5: z.array(label).nullish(),
  features: features.nullish(),
  nats_per_token: z.number().nullish(),
  error_code: rowErrorCode.nullish(),
});

function rowOf(read: unknown): JobRow {
  const found = row.parse(read);
  return {
    key: found.key,
    etag: found.etag ?? null,
    width: found.width ?? null,
    height: found.height ?? null,
    label: found.label ?? null,
    probability: found.probability ?? null,
    top5: found.top5 ?? null,
    features: found.features ?? null,
    nats_per_token: found.nats_per_token ?? null,
    error_code: found.error_code ?? null,
  };
}
