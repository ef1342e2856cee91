import { table } from '../../lib/cli/terminal/table.ts';
import type { ImageFigures } from './prove-image.ts';

/** The figures as a table, then a line for each fault. */
export function imageReport({
  baseSeconds,
  buildSeconds,
  bytes,
  worker,
  batch,
  training,
  wrong,
}: ImageFigures): string {
  const megabytes = (value: number): string => `${Math.round(value / 1e6)} MB`;
  const seconds = (value: number): string => `${value.toFixed(1)} s`;
  const each = (figure: (task: (typeof worker.tasks)[number]) => string): string => worker.tasks.map(figure).join(', ');
  const { right, wrong: lost, repeatedEvents } = worker.verdict;
  const rows = [
    ['stand-in for Node’s image', `${megabytes(bytes.base)}, made in ${seconds(baseSeconds)}`],
    ['worker’s image', `${megabytes(bytes.worker)}, ${megabytes(bytes.worker - bytes.base)} without the stand-in`],
    ['training image', `${megabytes(bytes.training)}, ${megabytes(bytes.training - bytes.base)} without the stand-in`],
    ['build of both images', seconds(buildSeconds)],
    ['start of a task until ready', each(({ readySeconds }) => seconds(readySeconds))],
    ['SIGTERM until its end', each(({ drainSeconds }) => seconds(drainSeconds))],
    ['most memory of a task', each(({ peakBytes }) => megabytes(peakBytes))],
    ['right outcomes', `${right} of ${right + lost.length}, ${repeatedEvents} events repeated`],
    ['stopped in the middle', worker.killed ?? 'none: no task was running'],
    ['dead letters', String(worker.deadLetters)],
    ['data-set job', `${batch.pictures} pictures, ${batch.shards} shards, ${megabytes(batch.peakBytes)} of memory`],
    ['training', `${training.steps} steps, ${megabytes(training.peakBytes)} of memory`],
  ];
  return table([{ title: 'what' }, { title: 'figure' }], rows) + wrong.map((line) => `wrong: ${line}\n`).join('');
}
