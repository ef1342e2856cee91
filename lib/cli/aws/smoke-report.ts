import type { DeployedStack } from '../../aws/deployed-stack.ts';
import type { Outcome } from '../../contracts/outcome.ts';
import { printable } from '../terminal/printable.ts';
import { table } from '../terminal/table.ts';
import type { Stage } from './stage-clock.ts';

/** For people: time by stage, and what the model said. */
export function smokeReport({ name, outputs }: DeployedStack, outcome: Outcome, stages: readonly Stage[]): string {
  const total = stages.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = [...stages, { stage: 'all', seconds: total }].map(({ stage, seconds }) => [stage, seconds.toFixed(1)]);
  const came = table([{ title: 'stage' }, { title: 'seconds', align: 'right' }], rows);
  const words = verdict(outcome);
  return words === undefined ? came : `${came}\n${printable(`${name} works: ${words}, says ${outputs.modelId}`)}\n`;
}

/** Undefined for a failed outcome: the error says it. */
function verdict(outcome: Outcome): string | undefined {
  if (outcome.status === 'failed') return undefined;
  const { classification, likelihood } = outcome;
  if (classification !== null) return `${classification.label}, ${(100 * classification.probability).toFixed(1)} %`;
  return likelihood === null ? 'features' : `${likelihood.nats_per_token.toFixed(3)} nats a token`;
}

/** For machines. */
export function smokeJson({ name, region }: DeployedStack, outcome: Outcome, stages: readonly Stage[]) {
  const { key, model, status } = outcome;
  const classification = outcome.status === 'succeeded' ? outcome.classification : null;
  return {
    ...{ stack: name, region, key, model, status },
    label: classification?.label ?? null,
    probability: classification?.probability ?? null,
    error: outcome.status === 'failed' ? outcome.error : null,
    stages,
    seconds: stages.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}
