import {
  type CostEstimate,
  type CostLine,
  type CostQuestion,
  computeOf,
  spotShare,
  sum,
} from '../../aws/estimate-cost.ts';
import type { IdleItem } from '../../aws/idle-cost.ts';
import { prices } from '../../aws/prices.ts';
import { printable } from '../terminal/printable.ts';
import { duration } from '../terminal/progress-bar.ts';
import { table } from '../terminal/table.ts';
import type { CostModel } from './cost-model.ts';

/** Everything that `igpt cost` found out. */
export interface CostAnswer {
  model: CostModel;
  question: CostQuestion;
  estimate: CostEstimate;
  /** A month. */
  idle: readonly IdleItem[];
  /** What the batch pipeline would spare, USD; undefined where there is too little work for it. */
  batchSpares: number | undefined;
}

/** The estimate in words and tables. */
export function costReport(answer: CostAnswer): string {
  const { model, question, estimate, idle, batchSpares } = answer;
  const { spot, onDemand } = estimate.workers;
  const { pictures } = question;
  const head = `${count(pictures)} pictures through ${printable(model.name)} (${model.outputs.join(', ')}: ${model.gflop.toPrecision(3)} GFLOP each) on ${question.compute}`;
  const pace = `about ${estimate.picturesPerSecond.toPrecision(3)} pictures/s a task, ${estimate.tasks} ${estimate.tasks === 1 ? 'task' : 'tasks'} at once, done after ${duration(estimate.hours * 3600)}`;
  const total = (usd: number) => `${money(usd)}, or ${money((usd / pictures) * 1e6)} for a million`;
  return [
    `${head}\n${pace}\n`,
    linesTable([...estimate.lines, spot, onDemand]),
    `in all, on Spot       ${total(estimate.usd.spot)}\nin all, on demand     ${total(estimate.usd.onDemand)}\n`,
    monthlyTable('storage', estimate.storage),
    monthlyTable('while idle', idle),
    ...(batchSpares === undefined ? [] : [batchWords(batchSpares)]),
    `${costAssumptions(answer)
      .map((line) => `- ${line}`)
      .join('\n')}\n`,
  ].join('\n');
}

/** What the numbers rest on, one sentence each. */
export function costAssumptions({ question }: CostAnswer): string[] {
  const { kind } = computeOf(question.compute);
  return [
    `List prices of ${prices.region} as of ${prices.asOf}, without taxes, discounts and free tiers (the idle stack: with those that never end). Other regions differ.`,
    `The model gets ${percent(question.utilisation)} of the ${kind === 'gpu' ? 'GPU’s f32 peak, which was never measured on one' : 'processors’ peak'}; see --utilisation.`,
    `Spot costs ${percent(spotShare[kind])} of on demand. It changes by the hour: look it up.`,
    kind === 'gpu'
      ? 'Each instance is paid for 5 minutes before it works and about 15 after; the last one waits 10 for more.'
      : 'Each task is paid for 2 minutes before it works; the last one waits 10 for more.',
    `A picture has ${question.megabytes} MB and ${question.megapixels} megapixels, comes once and is decoded once; your own upload’s PUT is counted, your network’s traffic is not.`,
    `Tokens messages hold ${question.fill} pictures; your consumer takes ten result events at a time.`,
  ];
}

function linesTable(lines: readonly CostLine[]): string {
  return table(
    [
      { title: 'stage' },
      { title: 'for' },
      { title: 'quantity', align: 'right' },
      { title: 'unit' },
      { title: 'USD', align: 'right' },
    ],
    lines.map(({ stage, what, quantity, unit, usd }) => [stage, what, count(quantity), unit, cents(usd)]),
  );
}

function monthlyTable(title: string, items: readonly { what: string; usd: number }[]): string {
  return table(
    [{ title }, { title: 'USD a month', align: 'right' }],
    [...items.map(({ what, usd }) => [what, cents(usd)]), ['together', cents(sum(items))]],
  );
}

function batchWords(spares: number): string {
  return `So many pictures at once are work for the batch pipeline, igpt batch submit (on a machine of your own: batch run): it has no message, no event and no object of its own for each picture, which are ${money(spares)} here.\n`;
}

function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 });
}

/** Enough digits to see a line that costs next to nothing. */
function cents(usd: number): string {
  return usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: usd < 0.1 ? 4 : 2 });
}

function money(usd: number): string {
  return `${cents(usd)} USD`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
