import type { AsyncBuffer } from 'hyparquet';
import { ParquetError } from './error.ts';

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
