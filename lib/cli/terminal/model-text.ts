import type { NonFinite } from '../../checkpoint/non-finite.ts';
import type { CheckpointSummary } from '../../checkpoint/summary.ts';
import { table } from './table.ts';
import { printable } from './text.ts';

/** Most tensors that are named. */
const namedTensors = 5;

/** Which tensors hold NaN or infinity, how many values, and what follows from it. */
export function nonFiniteText(found: readonly NonFinite[]): string {
  const named = found
    .slice(0, namedTensors)
    .map(({ tensor, count }) => `${printable(tensor)} (${count.toLocaleString('en')})`);
  const more = found.length > namedTensors ? ` and ${found.length - namedTensors} more tensors` : '';
  return `the weights hold NaN or infinity, in ${named.join(', ')}${more}: do not rely on what this model computes`;
}

/** What the class head reads, and why; nothing without a class head. */
export function classInputFact({ input, input_reason: reason }: CheckpointSummary): [string, string][] {
  if (reason === null) return [];
  const words = { sos: 'tokens behind SOS', plain: 'plain tokens' };
  return [['class input', `${input === null ? 'tokens without SOS' : words[input]} (${reason})`]];
}

/** A written model as a table for people; `facts` come first. */
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
        ? 'none: the model has no palette, so it takes tokens only'
        : `${resolution.width}x${resolution.height}`,
    ],
    ...classInputFact(summary),
    ['parameters', summary.parameters.toLocaleString('en')],
    ['weights', `${summary.dtype}, ${summary.bytes.toLocaleString('en')} bytes`],
  ];
  return table(
    [{ title: 'model' }, { title: printable(out) }],
    rows.map((cells) => cells.map(printable)),
  );
}
