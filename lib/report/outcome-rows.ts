import { mapInOrder } from '../async/map-in-order.ts';
import { type Outcome, parseOutcome } from '../contracts/outcome.ts';
import { outcomeKey } from '../pipeline/outcome-key.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { MOST_ROWS, type PictureViews, type ReportRow } from './report-row.ts';

/** What there is to look at of a picture that the model has seen, in this version (null: whichever is current). */
export type ViewPicture = (picture: { key: string; etag: string | null }) => Promise<PictureViews | null>;

export interface ReportRowsOptions {
  input: ObjectStore;
  output: ObjectStore;
  /** Model id. */
  model: string;
  /** Pictures read and decoded at once. */
  concurrency: number;
  lookAt: ViewPicture;
}

/** Every picture of `input` that has a current outcome under this model, in the order of the listing. */
export async function* reportRows(options: ReportRowsOptions): AsyncGenerator<ReportRow> {
  const { input, output, model, concurrency, lookAt } = options;
  let found = 0;
  const rows = mapInOrder(input.list(), concurrency, async (picture) => {
    const stored = await output.get(outcomeKey(model, picture.key));
    const outcome = stored.status === 'found' ? parseOutcome(stored.body) : undefined;
    if (outcome === undefined || outcome.etag !== picture.etag) return undefined;
    found += 1;
    // What is begun at once may be counted out of order: so many more, and no listed row goes without.
    const shown = outcome.status === 'succeeded' && found <= MOST_ROWS + concurrency;
    return reportRow(outcome, shown ? await lookAt(picture) : null);
  });
  for await (const row of rows) if (row !== undefined) yield row;
}

/** The row of an outcome. */
export function reportRow(outcome: Outcome, look: PictureViews | null): ReportRow {
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
      look,
    };
  }
  const { format, width, height } = outcome.image;
  const { classification, likelihood } = outcome;
  const classes = classification?.top5.map(({ label, probability }) => ({ label, probability })) ?? null;
  return { key, etag, format, width, height, classes, nats: likelihood?.nats_per_token ?? null, error: null, look };
}
