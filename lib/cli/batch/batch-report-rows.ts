import type { BatchJob, BatchRow, BatchSummary } from '../../contracts/batch.ts';
import { parquetShards } from '../../parquet/shard-format.ts';
import { openStored } from '../../pipeline/batch/batch-shard.ts';
import type { ObjectStore } from '../../pipeline/ports.ts';
import type { ReportRow } from '../../report/report-row.ts';
import { byAmount, type Totals } from '../../report/totals.ts';
import { mapInOrder } from '../pictures/map-in-order.ts';
import type { LookAt } from '../run/report-rows.ts';

/** All but the features, which are most of a shard. */
const SHOWN: readonly (keyof BatchRow)[] = [
  ...(['key', 'etag', 'width', 'height', 'top5', 'nats_per_token', 'error_code'] as const),
];

export interface BatchReportRowsOptions {
  output: ObjectStore;
  job: BatchJob;
  /** Rows. */
  most: number;
  lookAt: LookAt;
  /** Pictures looked at at once. */
  concurrency: number;
}

/** The first pictures of a job, in the order of the manifest; no shard beyond them is read. */
export function batchReportRows(options: BatchReportRowsOptions): AsyncGenerator<ReportRow> {
  const { lookAt, concurrency } = options;
  return mapInOrder(firstRows(options), concurrency, async (row): Promise<ReportRow> => {
    const { key, etag, width, height, top5, nats_per_token, error_code } = row;
    return {
      ...{ key, etag, width, height, format: null, nats: nats_per_token },
      classes: top5?.map(({ label, probability }) => ({ label, probability })) ?? null,
      error: error_code === null ? null : { code: error_code, message: '' },
      look: error_code === null ? await lookAt({ key, etag }) : null,
    };
  });
}

async function* firstRows({ output, job, most }: BatchReportRowsOptions): AsyncGenerator<BatchRow> {
  let left = most;
  for (const shard of job.shards.keys()) {
    if (left <= 0) return;
    const { open } = await openStored({ output, job, format: parquetShards }, shard);
    const rows = await open.read({ columns: SHOWN, start: 0, end: Math.min(left, open.rows) });
    left -= rows.length;
    yield* rows;
  }
}

/** How many succeeded, and why others failed, is known of all; classes and likelihoods only of those that are listed. */
export function batchTotals(ofListed: Totals, { pictures, succeeded, failed, failures }: BatchSummary): Totals {
  const some = pictures > ofListed.pictures;
  const ofAll = { pictures, succeeded, failed, failures: byAmount(Object.entries(failures)) };
  return { ...ofListed, ...ofAll, ...(some ? { listedOnly: true } : {}) };
}
