import type { SchemaElement } from 'hyparquet';

const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const;
const list = { converted_type: 'LIST', logical_type: { type: 'LIST' }, num_children: 1 } as const;
const optional = { repetition_type: 'OPTIONAL' } as const;
const required = { repetition_type: 'REQUIRED' } as const;

/**
 * Columns of a shard, in the three-level form of lists that the Parquet format asks for. The format has no lists of a
 * fixed size: every list of `features` in a job has the same d elements, so DuckDB casts it to FLOAT[d] as it is.
 */
export const shardSchema: SchemaElement[] = [
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
