import { table } from '../../lib/cli/terminal/table.ts';
import type { DeployedStack } from '../../lib/operate/deployed-stack.ts';
import type { ProofOptions } from './proof-options.ts';
import type { ProofFigures } from './prove.ts';

/** The figures of a proof as a table, then a line for each wrong picture. */
export function proofReport(
  { pictures, bad, compute }: ProofOptions,
  { name, region }: Pick<DeployedStack, 'name' | 'region'>,
  figures: ProofFigures,
  deploySeconds: number,
): string {
  const { verdict } = figures;
  const seconds = (value: number): string => `${Math.round(value)} s`;
  const rows = [
    ['stack', `${name} in ${region}, compute=${compute}`],
    ['pictures', `${pictures}, ${bad} of them bad`],
    ['deploy', seconds(deploySeconds)],
    ['first upload to first running task', seconds(figures.wake)],
    ['first upload to first outcome', seconds(figures.firstOutcome)],
    ['first upload to last outcome', seconds(figures.allOutcomes)],
    ['killed task', figures.killed ?? 'none: no task was running'],
    ['last outcome to no running task', seconds(figures.backToZero)],
    ['repeated events', String(verdict.repeatedEvents)],
    ['dead letters', String(figures.deadLetters)],
    ['right outcomes', `${verdict.right} of ${pictures}`],
  ];
  return (
    table([{ title: 'what' }, { title: 'figure' }], rows) + verdict.wrong.map((line) => `wrong: ${line}\n`).join('')
  );
}
