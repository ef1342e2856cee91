import { Command, Option } from 'commander';
import { defaultInstanceTypes, type GpuInstance, gpuInstanceNames } from '../../contracts/instances.ts';
import { type CostModel, type CostModelOptions, costModel } from '../../operate/cost-model.ts';
import {
  type CostEstimate,
  type CostLine,
  type CostQuestion,
  computeOf,
  defaultUtilisation,
  estimateCost,
  type Fill,
  type IdleItem,
  idleCost,
  perPictureUsd,
  spotShare,
  sum,
} from '../../operate/estimate-cost.ts';
import { prices } from '../../operate/prices.ts';
import { examples } from '../invocation.ts';
import { modelOption } from '../options/model-option.ts';
import { resolutionOption, variantOption } from '../options/new-model-options.ts';
import { integer, number } from '../options/number-option.ts';
import { outputsOption } from '../options/prediction-options.ts';
import { duration } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';

interface CostOptions extends CostModelOptions {
  images: number;
  compute: GpuInstance | 'cpu';
  utilisation?: number;
  fill: '100' | '30' | '3';
  megabytes: number;
  megapixels: number;
  json: boolean;
}

/** From so many pictures on, what one costs beside the model's own time is worth sparing. */
const bulkPictures = 1_000_000;

const fills: Readonly<Record<CostOptions['fill'], Fill>> = { 100: 100, 30: 30, 3: 3 };

export function costCommand(): Command {
  return new Command('cost')
    .summary('what so many pictures cost on AWS, and the stack while idle')
    .description(
      `Estimates what pictures cost on AWS, stage by stage, from list prices of ${prices.region} as of ${prices.asOf}, and what the stack costs while idle. Speaks to nobody: no account is needed.`,
    )
    .addOption(new Option('--images <n>', 'pictures').argParser(integer({ min: 1, max: 1e12 })).makeOptionMandatory())
    .addOption(modelOption())
    .addOption(variantOption())
    .addOption(resolutionOption())
    .addOption(outputsOption())
    .addOption(
      new Option('--compute <type>', 'GPU instance type, or cpu for Fargate')
        .choices([...gpuInstanceNames, 'cpu'])
        .default(defaultInstanceTypes[0]),
    )
    .addOption(
      new Option(
        '--utilisation <share>',
        `share of the peak that the model gets (default: ${defaultUtilisation.gpu} on a GPU, ${defaultUtilisation.cpu} on Fargate)`,
      ).argParser(number({ min: 0, aboveMin: true, max: 1 })),
    )
    .addOption(
      new Option(
        '--fill <pictures>',
        'pictures in a tokens message: 100 when many come at once, 3 when they trickle in',
      )
        .choices(Object.keys(fills))
        .default('100'),
    )
    .addOption(
      new Option('--megabytes <mb>', 'size of a picture’s file').default(1).argParser(number({ min: 0, max: 5000 })),
    )
    .addOption(
      new Option('--megapixels <mp>', 'pixels of a picture, in millions')
        .default(2)
        .argParser(number({ min: 0, max: 100 })),
    )
    .option('--json', 'as one JSON object', false)
    .addHelpText('after', examples('cost --images 100000', 'cost --images 1000000 --variant s --compute g5.xlarge'))
    .action((options: CostOptions) => cost(options));
}

async function cost(options: CostOptions): Promise<void> {
  const model = await costModel(options);
  const answer = answerOf(options, model);
  await writeOut(options.json ? `${JSON.stringify(asJson(answer))}\n` : costReport(answer));
}

function answerOf(options: CostOptions, model: CostModel): CostAnswer {
  const { images: pictures, compute, fill, megabytes, megapixels } = options;
  const { kind } = computeOf(compute);
  const question = {
    ...{ pictures, compute, megabytes, megapixels, fill: fills[fill] },
    ...{ gflop: model.gflop, tokens: model.tokens, features: model.features },
    utilisation: options.utilisation ?? defaultUtilisation[kind],
  };
  const estimate = estimateCost(question);
  const idle = idleCost(kind, { modelGb: model.bytes / 1e9 });
  return {
    ...{ model, question, estimate, idle },
    batchSpares: pictures >= bulkPictures ? perPictureUsd(estimate, pictures) : undefined,
  };
}

function asJson(answer: CostAnswer) {
  const { model, question, estimate, idle, batchSpares } = answer;
  return {
    images: question.pictures,
    model: model.name,
    outputs: model.outputs,
    gflop_per_picture: model.gflop,
    compute: question.compute,
    utilisation: question.utilisation,
    prices: { region: prices.region, as_of: prices.asOf, sources: prices.sources },
    pictures_per_second_per_task: estimate.picturesPerSecond,
    tasks: estimate.tasks,
    hours: estimate.hours,
    lines: estimate.lines,
    workers: { spot: estimate.workers.spot, on_demand: estimate.workers.onDemand },
    usd: { spot: estimate.usd.spot, on_demand: estimate.usd.onDemand },
    storage_a_month: estimate.storage,
    idle_a_month: idle,
    batch_spares_usd: batchSpares ?? null,
    assumptions: costAssumptions(answer),
  };
}

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
