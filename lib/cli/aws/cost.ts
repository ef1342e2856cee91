import { Command, Option } from 'commander';
import { computeOf, estimateCost, type Fill, perPictureUsd } from '../../aws/estimate-cost.ts';
import { idleCost } from '../../aws/idle-cost.ts';
import { type GpuInstance, gpuInstances, prices } from '../../aws/prices.ts';
import { defaultUtilisation } from '../../aws/throughput.ts';
import { examples } from '../examples.ts';
import { resolutionOption, variantOption } from '../model/variant-option.ts';
import { modelOption } from '../options/model-option.ts';
import { integer, number } from '../options/number-option.ts';
import { outputsOption } from '../options/outputs-option.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { type CostModel, type CostModelOptions, costModel } from './cost-model.ts';
import { type CostAnswer, costAssumptions, costReport } from './cost-report.ts';

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
        .choices([...gpuInstances, 'cpu'])
        .default('g6.xlarge'),
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
