import type { CheckpointSummary } from '../../checkpoint/summary.ts';
import { printable } from '../terminal/printable.ts';
import { table } from '../terminal/table.ts';

/** What was written, for people; `facts` go first. */
export function writtenModel(
  out: string,
  summary: CheckpointSummary,
  facts: readonly (readonly [string, string])[],
): string {
  const { resolution, n_layer, n_embd, n_head, variant } = summary;
  const rows: (readonly [string, string])[] = [
    ...facts,
    ['variant', variant === 'custom' ? 'none of the paper’s (S, M, L, XL)' : `iGPT-${variant}`],
    ['objective', summary.objective === 'ar' ? 'autoregressive (next token)' : 'BERT (masked tokens)'],
    ['layers', `${n_layer} of width ${n_embd}, ${n_head} heads`],
    [
      'pictures',
      resolution === null
        ? 'none: it has no palette, so it takes tokens only'
        : `${resolution.width}x${resolution.height}`,
    ],
    ['parameters', summary.parameters.toLocaleString('en')],
    ['weights', `${summary.dtype}, ${summary.bytes.toLocaleString('en')} bytes`],
  ];
  return table(
    [{ title: 'model' }, { title: printable(out) }],
    rows.map((cells) => cells.map(printable)),
  );
}
