import { type FileMetaData, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { z } from 'zod';
import { type BatchRow, batchErrorCode } from '../contracts/batch.ts';
import type { OpenShard, ShardFacts } from '../pipeline/ports.ts';
import { memoryFile, parquetDamaged } from './memory-file.ts';

const features = z.instanceof(Array).transform((values) => Float32Array.from(values, Number));

const label = z.strictObject({ label: z.string(), index: z.number(), probability: z.number() });

/** An absent column is one that was not asked for. */
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
  error_code: batchErrorCode.nullish(),
});

/**
 * Opens a shard that is in memory.
 *
 * @throws {ParquetError} `parquet_damaged`, here or when reading
 */
export function openShard(bytes: Uint8Array): OpenShard {
  const metadata = readable(() => parquetMetadata(bytes));
  const file = memoryFile(bytes);
  return {
    facts: factsOf(metadata),
    rows: Number(metadata.num_rows),
    groups: metadata.row_groups.map((group) => Number(group.num_rows)),
    async read({ columns, start, end } = {}) {
      try {
        const read = await parquetReadObjects({
          file,
          metadata,
          ...(columns === undefined ? {} : { columns: [...new Set(['key', ...columns])] }),
          ...(start === undefined ? {} : { rowStart: start }),
          ...(end === undefined ? {} : { rowEnd: end }),
        });
        return read.map(rowOf);
      } catch (error) {
        throw parquetDamaged(error);
      }
    },
  };
}

function rowOf(read: unknown): BatchRow {
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

function factsOf({ key_value_metadata: pairs = [] }: FileMetaData): ShardFacts {
  return Object.fromEntries(pairs.map(({ key, value = '' }) => [key, value]));
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw parquetDamaged(error);
  }
}
