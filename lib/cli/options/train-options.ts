import { Command, Option } from 'commander';
import { classInputs } from '../../ports/model.ts';
import { schedules } from '../../training/learning-rate.ts';
import { defaultLearningRate, defaultSaveEvery, type TrainChoices } from '../../training/train-plan.ts';
import { examples } from '../invocation.ts';
import { addDataOptions, addSplitOptions, type DataOptions, type SplitFlags } from './data-options.ts';
import { modelOption } from './model-option.ts';
import { countOption, integer, number } from './number-option.ts';
import { regionOption, stackOption } from './stack-option.ts';

export interface TrainFlags extends Omit<TrainChoices, 'data' | 'labels'>, Omit<DataOptions, 'data'>, SplitFlags {
  data?: string;
  model: string;
  out: string;
  resume: boolean;
  force: boolean;
  json: boolean;
  onAws: boolean;
  stack: string;
  region?: string;
}

/** The command with its options and help. */
export function trainCommandLine(): Command {
  const command = new Command('train')
    .description(
      'Trains a model and writes it to --out, in the layout of the model it starts from, a BERT model in OpenAI’s (igpt init makes a new one). There is no dropout, as in OpenAI’s code. OUT/training holds the checkpoints, metrics.ndjson, metrics.svg and report.html. After an interrupt or a crash, the same command resumes from the last checkpoint and ends with the same weights bit for bit (same machine and --threads).',
    )
    .addOption(
      new Option(
        '--objective <objective>',
        'ar: next tokens; bert: masked tokens; joint: fine-tuning with the model’s own objective plus the class loss',
      )
        .choices(['ar', 'bert', 'joint'])
        .makeOptionMandatory(),
    )
    .addOption(modelOption())
    .requiredOption('--out <dir>', 'model directory to make, or a training to resume')
    .option('--tokens <x.npy>', 'instead of --data: tokens [N, n]; all of them train')
    .option('--mask <m.npy>', 'bert with --tokens: masks [N, n], 1 = masked (default: drawn anew at each step)');
  addDataOptions(command, { required: false });
  addSplitOptions(command);
  addRecipe(command);
  addHeldOut(command);
  return command
    .addOption(
      new Option(
        '--micro-batch <n>',
        'pictures in memory at once; changes round-off only (default: as many as have 2,048 tokens)',
      ).argParser(integer({ min: 1 })),
    )
    .option('--recompute', 'keep less in memory and recompute it: a third more matrix products', false)
    .addOption(countOption('--threads <t>', 'threads of the model; another number changes round-off'))
    .addOption(new Option('--resume', 'fail if --out holds no training to resume').default(false).conflicts('force'))
    .option('--force', 'start again if --out holds a training', false)
    .option('--json', 'one JSON object instead of the table', false)
    .option(
      '--on-aws',
      'run as a job of the deployed stack (-c training=true): pictures, model and OUT are in its buckets',
      false,
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .addHelpText(
      'after',
      examples(
        'train --objective ar --model igpt-s --data cifar10 --out pretrained --epochs 20 --warmup 350 --clip 1',
        'train --objective joint --model pretrained --data labelled/ --out finetuned --epochs 5 --best accuracy',
        'train --objective ar --model s3://OUTPUT_BUCKET/models/fresh --data s3://INPUT_BUCKET/labelled --out first --epochs 20 --on-aws',
        'train --objective ar --model DIR --tokens x.npy --no-shuffle --no-augment --steps 3 --batch 2 --lr 1e-3 --out trained',
      ),
    );
}

function addRecipe(command: Command): void {
  command
    .addOption(
      new Option('--steps <n>', 'steps of the optimiser, in place of --epochs')
        .conflicts('epochs')
        .argParser(integer({ min: 1 })),
    )
    .addOption(
      new Option('--epochs <e>', 'passes over the pictures').default(1).argParser(number({ min: 0, aboveMin: true })),
    )
    .addOption(new Option('--batch <b>', 'pictures per step').default(128).argParser(integer({ min: 1 })))
    .addOption(
      new Option('--optimizer <name>', 'optimizer; betas 0.9 and 0.95, epsilon 1e-8')
        .choices(['adam', 'adamw'])
        .default('adam'),
    )
    .addOption(
      new Option(
        '--lr <x>',
        `peak of the learning rate (default: ${defaultLearningRate.ar}; joint ${defaultLearningRate.joint})`,
      ).argParser(number({ min: 0 })),
    )
    .addOption(
      new Option(
        '--schedule <name>',
        'learning rate after the warm-up (default: cosine, to 0; constant for joint and --tokens)',
      ).choices(schedules),
    )
    .addOption(
      new Option('--warmup <n>', 'steps of linear rise to the peak (0: none)')
        .default(0)
        .argParser(integer({ min: 0 })),
    )
    .addOption(
      new Option('--weight-decay <x>', 'weight decay of every tensor').default(0).argParser(number({ min: 0 })),
    )
    .addOption(
      new Option('--clip <c>', 'largest norm of the gradients (default and 0: no limit)').argParser(number({ min: 0 })),
    )
    .addOption(
      new Option('--head-layer <l>', 'joint: layer of the class head (default: the last)').argParser(
        integer({ min: 0 }),
      ),
    )
    .addOption(
      new Option(
        '--input <input>',
        'joint: what the trained class head reads; sos also for a model that classifies plain tokens, which are not trained',
      ).choices(classInputs),
    )
    .option('--new-head', 'joint: train a new class head instead of the model’s', false)
    .option('--no-shuffle', 'take the pictures in order')
    .option('--no-augment', 'take the pictures unchanged (default: reflection pad, crop, flip)')
    .addOption(
      new Option('--seed <n>', 'seed of the order, augmentation and masks')
        .default(0)
        .argParser(integer({ min: 0, max: 2 ** 32 - 1 })),
    );
}

function addHeldOut(command: Command): void {
  command
    .addOption(
      new Option('--validation <n>', 'most held-out pictures to measure; they decide which model is the best')
        .default(1000)
        .argParser(integer({ min: 0 })),
    )
    .addOption(
      new Option(
        '--eval-every <n>',
        'steps between measurements (default: one epoch; 0: after the last only)',
      ).argParser(integer({ min: 0 })),
    )
    .addOption(
      new Option(
        '--save-every <n>',
        `steps between checkpoints; changes no result (default: one epoch, at most ${defaultSaveEvery}; 0: after the last only)`,
      ).argParser(integer({ min: 0 })),
    )
    .addOption(
      new Option(
        '--patience <k>',
        'stop after k measurements in a row without improvement (default and 0: never)',
      ).argParser(integer({ min: 0 })),
    )
    .addOption(
      new Option('--best <by>', 'figure on held-out pictures that decides which model is the best')
        .choices(['loss', 'accuracy'])
        .default('loss'),
    )
    .addOption(
      new Option(
        '--leap <nats>',
        'stop when the loss rises this far (and 8 standard deviations) above the mean of the last steps, or in the first 20 steps this far above the first loss, to more than 3 times as much (0: never)',
      )
        .default(1)
        .argParser(number({ min: 0 })),
    );
}
