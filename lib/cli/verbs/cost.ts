import { Command, Option } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { variantCheckpoint } from '../../checkpoint/initial-weights.ts';
import { chosenVariant } from '../../checkpoint/variants.ts';
import { functionModelOf, whyNoFunction } from '../../contracts/infer-function.ts';
import { defaultInstanceTypes, type GpuInstance, gpuInstanceNames } from '../../contracts/instances.ts';
import { type CostModel, costModel } from '../../operate/cost-model.ts';
import {
  type CostEstimate,
  type CostLine,
  computeOf,
  estimateCost,
  type Fill,
  jobSavingUsd,
  type PicturesQuestion,
  spotShare,
  sum,
} from '../../operate/estimate-cost.ts';
import {
  estimateLambdaCost,
  type LambdaCostEstimate,
  lambdaMemory,
  lambdaOverhead,
  lambdaVcpus,
} from '../../operate/estimate-lambda-cost.ts';
import { type IdleItem, idleCost } from '../../operate/idle-cost.ts';
import { prices } from '../../operate/prices.ts';
import { defaultUtilisation } from '../../operate/throughput.ts';
import { UsageError } from '../../ports/error.ts';
import type { OutputName } from '../../ports/model.ts';
import { examples } from '../invocation.ts';
import { modelOption, openNamedCheckpoint } from '../options/model-option.ts';
import { resolutionOption, variantOption } from '../options/new-model-options.ts';
import { integer, number } from '../options/number-option.ts';
import { outputsOption } from '../options/prediction-options.ts';
import { duration } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';

interface CostOptions {
  model: string;
  /** One of the paper's sizes instead of a model. It needs no files. */
  variant?: string;
  resolution?: string;
  outputs?: OutputName[];
  images: number;
  compute: GpuInstance | 'cpu' | 'lambda';
  utilisation?: number;
  fill: '100' | '30' | '3';
  megabytes: number;
  megapixels: number;
  json: boolean;
}

/** From this number of pictures on, the saving of a job is shown. */
const jobPictures = 1_000_000;

const fills: Readonly<Record<CostOptions['fill'], Fill>> = { 100: 100, 30: 30, 3: 3 };

export function costCommand(): Command {
  return new Command('cost')
    .description(
      `Estimates what pictures cost on AWS, stage by stage, from list prices of ${prices.region} as of ${prices.asOf}, and what the idle stack costs. Needs no account and no network.`,
    )
    .addOption(
      new Option('--images <n>', 'number of pictures').argParser(integer({ min: 1, max: 1e12 })).makeOptionMandatory(),
    )
    .addOption(modelOption())
    .addOption(variantOption())
    .addOption(resolutionOption())
    .addOption(outputsOption())
    .addOption(
      new Option('--compute <type>', 'GPU instance type, cpu for Fargate, or lambda for inference functions')
        .choices([...gpuInstanceNames, 'cpu', 'lambda'])
        .default(defaultInstanceTypes[0]),
    )
    .addOption(
      new Option(
        '--utilisation <share>',
        `share of the processor’s peak that the model reaches (default: ${defaultUtilisation.gpu} on a GPU, ${defaultUtilisation.cpu} on Fargate and in a function)`,
      ).argParser(number({ min: 0, aboveMin: true, max: 1 })),
    )
    .addOption(
      new Option(
        '--fill <pictures>',
        'pictures per tokens message: 100 when many arrive at once, 3 when they arrive slowly',
      )
        .choices(Object.keys(fills))
        .default('100'),
    )
    .addOption(
      new Option('--megabytes <mb>', 'size of a picture’s file (MB)')
        .default(1)
        .argParser(number({ min: 0, max: 5000 })),
    )
    .addOption(
      new Option('--megapixels <mp>', 'pixels of a picture (millions)')
        .default(2)
        .argParser(number({ min: 0, max: 100 })),
    )
    .option('--json', 'print one JSON object', false)
    .addHelpText(
      'after',
      examples(
        'cost --images 100000',
        'cost --images 1000000 --variant s --compute g5.xlarge',
        'cost --images 1000 --compute lambda',
      ),
    )
    .action((options: CostOptions) => cost(options));
}

async function cost(options: CostOptions): Promise<void> {
  const model = costModel(await openModel(options), options.outputs);
  const answer = answerOf(options, model);
  await writeOut(options.json ? `${JSON.stringify(asJson(answer))}\n` : costReport(answer));
}

async function openModel({ model, variant, resolution }: CostOptions): Promise<Checkpoint> {
  if (variant !== undefined) {
    const { name, config } = chosenVariant({ variant, resolution });
    return variantCheckpoint(name, config);
  }
  if (resolution !== undefined) throw new UsageError('--resolution goes with --variant; a model has its own');
  return openNamedCheckpoint(model);
}

/** The estimates, and what they are for. */
interface CostAnswer {
  model: CostModel;
  question: PicturesQuestion;
  compute: CostOptions['compute'];
  kind: 'gpu' | 'cpu' | 'lambda';
  estimate: CostEstimate | LambdaCostEstimate;
  idle: readonly IdleItem[];
  /** What a data-set job would save (USD); undefined for few pictures. */
  jobSavingUsd: number | undefined;
}

function answerOf(options: CostOptions, model: CostModel): CostAnswer {
  const { images: pictures, compute, fill, megabytes, megapixels } = options;
  const { gflop, tokens, features, parameters, bytes } = model;
  const kind = compute === 'lambda' ? compute : computeOf(compute).kind;
  const utilisation = options.utilisation ?? defaultUtilisation[kind];
  const question = { pictures, gflop, tokens, features, utilisation, fill: fills[fill], megabytes, megapixels };
  if (compute === 'lambda') refuseUnfit(model);
  const estimate =
    compute === 'lambda'
      ? estimateLambdaCost({ ...question, parameters, bytes })
      : estimateCost({ ...question, compute });
  return {
    model,
    question,
    compute,
    kind,
    estimate,
    idle: idleCost(kind, { modelGb: bytes / 1e9 }),
    jobSavingUsd: pictures >= jobPictures ? jobSavingUsd(estimate, pictures) : undefined,
  };
}

/** @throws {UsageError} for a model that a deployment would refuse too */
function refuseUnfit(model: CostModel): void {
  const why = whyNoFunction(functionModelOf(model, 'f32'), lambdaMemory);
  if (why !== undefined) throw new UsageError(`--compute lambda: ${why}`);
}

function hasTasks(estimate: CostEstimate | LambdaCostEstimate): estimate is CostEstimate {
  return 'workers' in estimate;
}

/** The answer as JSON. With `lambda`, tasks are functions. */
function asJson(answer: CostAnswer) {
  const { model, question, compute, estimate, idle, jobSavingUsd } = answer;
  return {
    images: question.pictures,
    model: model.name,
    outputs: model.outputs,
    gflop_per_picture: model.gflop,
    compute,
    utilisation: question.utilisation,
    prices: { region: prices.region, as_of: prices.asOf, sources: prices.sources },
    pictures_per_second_per_task: estimate.picturesPerSecond,
    tasks: estimate.tasks,
    hours: estimate.hours,
    lines: estimate.lines,
    workers: hasTasks(estimate) ? { spot: estimate.workers.spot, on_demand: estimate.workers.onDemand } : null,
    usd: hasTasks(estimate)
      ? { spot: estimate.usd.spot, on_demand: estimate.usd.onDemand }
      : { lambda: estimate.usd.lambda },
    storage_a_month: estimate.storage,
    idle_a_month: idle,
    batch_spares_usd: jobSavingUsd ?? null,
    assumptions: costAssumptions(answer),
  };
}

/** The answer as text. */
function costReport(answer: CostAnswer): string {
  const { model, question, compute, estimate, idle, jobSavingUsd } = answer;
  const { pictures } = question;
  const unit = hasTasks(estimate) ? 'task' : 'function';
  const head = `${count(pictures)} pictures through ${printable(model.name)} (${model.outputs.join(', ')}: ${model.gflop.toPrecision(3)} GFLOP each) on ${compute}`;
  const pace = `about ${estimate.picturesPerSecond.toPrecision(3)} pictures/s per ${unit}, ${estimate.tasks} ${unit}${estimate.tasks === 1 ? '' : 's'} at once, done after ${duration(estimate.hours * 3600)}`;
  const total = (usd: number) => `${money(usd)}, or ${money((usd / pictures) * 1e6)} per million pictures`;
  const [lines, totals] = hasTasks(estimate)
    ? [
        [...estimate.lines, estimate.workers.spot, estimate.workers.onDemand],
        `total on Spot         ${total(estimate.usd.spot)}\ntotal on demand       ${total(estimate.usd.onDemand)}\n`,
      ]
    : [estimate.lines, `total                 ${total(estimate.usd.lambda)}\n`];
  return [
    `${head}\n${pace}\n`,
    linesTable(lines),
    totals,
    monthlyTable('storage', estimate.storage),
    monthlyTable('idle stack', idle),
    ...(jobSavingUsd === undefined ? [] : [jobAdvice(jobSavingUsd)]),
    `${costAssumptions(answer)
      .map((line) => `- ${line}`)
      .join('\n')}\n`,
  ].join('\n');
}

/** The assumptions behind the numbers, one sentence each. */
function costAssumptions({ question, kind, estimate }: CostAnswer): string[] {
  const { megabytes, megapixels, fill } = question;
  return [
    `List prices of ${prices.region} as of ${prices.asOf}, without taxes, discounts and free tiers (for the idle stack: with the free tiers that never end). Other regions differ.`,
    `The model reaches ${percent(question.utilisation)} of the ${kind === 'gpu' ? 'GPU’s f32 peak, which was not measured on these GPUs' : 'processors’ peak'}; see --utilisation.`,
    ...(kind === 'lambda' ? lambdaAssumptions : taskAssumptions(kind)),
    `A picture has ${megabytes} MB and ${megapixels} megapixels, and is uploaded and decoded once. The PUT of your upload is included; network traffic is not.`,
    `A tokens message holds ${hasTasks(estimate) ? fill : `at most ${estimate.perMessage}`} pictures; your consumer receives ten result events per request.`,
  ];
}

function taskAssumptions(kind: 'gpu' | 'cpu'): string[] {
  return [
    `Spot costs ${percent(spotShare[kind])} of on demand. The Spot price changes hourly: look it up.`,
    kind === 'gpu'
      ? 'Each instance is billed for 5 minutes before its work and about 15 after it; the last one also waits 10 minutes for more work.'
      : 'Each task is billed for 2 minutes before its work; the last one also waits 10 minutes for more work.',
  ];
}

const { invocation, start, startBytes } = lambdaOverhead;

const lambdaAssumptions = [
  `A function has ${count(lambdaMemory)} MB and ${lambdaVcpus.toFixed(1)} vCPU, of which four are as fast as two cores of our machine (docs/benchmarks.md). More memory makes it faster, but hardly cheaper.`,
  `An invocation takes ${invocation} s besides its pictures. Each function starts once, which takes ${start} s, and one more for every ${startBytes / 1e6} MB of weights. Both were not measured on Lambda.`,
];

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
    [{ title }, { title: 'USD per month', align: 'right' }],
    [...items.map(({ what, usd }) => [what, cents(usd)]), ['total', cents(sum(items))]],
  );
}

function jobAdvice(savingUsd: number): string {
  return `For this many pictures, use a data-set job: igpt batch submit, or igpt batch run on your own machine. It needs no message, event or object per picture, which cost ${money(savingUsd)} here.\n`;
}

function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 });
}

/** Small amounts get four decimals: with two they would look like zero. */
function cents(usd: number): string {
  return usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: usd < 0.1 ? 4 : 2 });
}

function money(usd: number): string {
  return `${cents(usd)} USD`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
