import type { CheckpointSummary } from '../checkpoint/summary.ts';
import type { OutputName } from '../ports/model.ts';

/** Names of the outputs in a checkpoint's summary. */
const summaryNames = { classification: 'classes', features: 'features', likelihood: 'likelihood' } as const;

/** GFLOP of one picture for all `outputs`, without the products that the causal mask hides. */
export function pictureGflop({ costs }: CheckpointSummary, outputs: readonly OutputName[]): number {
  const chosen = costs.filter(({ output }) => outputs.some((name) => summaryNames[name] === output));
  const dearest = (ownPass: boolean): number =>
    Math.max(0, ...chosen.filter(({ own_pass }) => own_pass === ownPass).map(({ gflop_causal }) => gflop_causal));
  return dearest(false) + dearest(true);
}
