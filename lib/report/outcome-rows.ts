import { pMapIterable } from 'p-map';
import { type Outcome, parseOutcome } from '../contracts/outcome.ts';
import { outcomeKey } from '../pipeline/outcome-key.ts';
import type { ObjectStore, StoredObject } from '../ports/object-store.ts';
import { mostRows, type PictureViews, type ReportRow } from './report-row.ts';

/** Makes the views of one version of a picture (`etag` null: the current version). Null when it cannot be read. */
export type ViewsOf = (picture: { key: string; etag: string | null }) => Promise<PictureViews | null>;

export interface ReportRowsOptions {
  input: ObjectStore;
  output: ObjectStore;
  /** Model id. */
  model: string;
  /** Pictures read and decoded at once. */
  concurrency: number;
  viewsOf: ViewsOf;
}

/** The rows of all pictures of `input` that have a current outcome of this model, in the order of the listing. */
export async function* reportRows(options: ReportRowsOptions): AsyncGenerator<ReportRow> {
  const { input, output, model, concurrency, viewsOf } = options;
  let found = 0;
  const rows = pMapIterable(input.list(), rowOf, { concurrency, backpressure: concurrency });
  for await (const row of rows) if (row !== undefined) yield row;

  async function rowOf(picture: StoredObject): Promise<ReportRow | undefined> {
    const stored = await output.get(outcomeKey(model, picture.key));
    const outcome = stored.status === 'found' ? parseOutcome(stored.body) : undefined;
    if (outcome === undefined || outcome.etag !== picture.etag) return undefined;
    found += 1;
    // Rows in progress may be counted out of order. `concurrency` more get views, so that every listed row has them.
    const shown = outcome.status === 'succeeded' && found <= mostRows + concurrency;
    return reportRow(outcome, shown ? await viewsOf(picture) : null);
  }
}

/** The row of an outcome, with the views of its picture. */
export function reportRow(outcome: Outcome, views: PictureViews | null): ReportRow {
  const { key, etag } = outcome;
  if (outcome.status === 'failed') {
    const { code, message } = outcome.error;
    return {
      key,
      etag,
      format: null,
      width: null,
      height: null,
      classes: null,
      nats: null,
      error: { code, message },
      look: views,
    };
  }
  const { format, width, height } = outcome.image;
  const { classification, likelihood } = outcome;
  const classes = classification?.top5.map(({ label, probability }) => ({ label, probability })) ?? null;
  return {
    key,
    etag,
    format,
    width,
    height,
    classes,
    nats: likelihood?.nats_per_token ?? null,
    error: null,
    look: views,
  };
}
