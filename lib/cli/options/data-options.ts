import { type Command, Option } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { userCache } from '../../local/user-cache.ts';
import { cifar10Name, type DataSet } from '../../training/data/data-set.ts';
import { foldersAreClassesFlag } from '../../training/data/divide-folders.ts';
import { type DataSetObserver, openDataSet } from '../../training/data/open-data-set.ts';
import { defaultTestShare, defaultValidationShare, type SplitOptions } from '../../training/data/split.ts';
import { describeDataSet } from '../terminal/data-set-text.ts';
import { type ProgressBar, progressBar } from '../terminal/progress-bar.ts';
import { printable } from '../terminal/text.ts';
import { createSkippedFiles, type SkippedFiles } from '../terminal/trouble.ts';
import { addDecodeOptions, type DecodeOptions, decodingSettings } from './decode-option.ts';
import { integer, number } from './number-option.ts';

export interface DataOptions extends DecodeOptions {
  data: string;
  labels?: string;
  foldersAreClasses: boolean;
  cache: string;
}

/** Adds the options that name a data set, and the limits on decoding. `required`: the verb has no other source. */
export function addDataOptions(command: Command, { required = true } = {}): Command {
  command
    .addOption(
      new Option(
        '--data <data>',
        `pictures: a directory or s3://bucket/prefix (the first folder is the label; folders train/, validation/ and test/ above the labels, in any usual spelling, divide the data); or tokens x.npy [N, n]; or ${cifar10Name} (139 MB, downloaded once with npm)`,
      ).makeOptionMandatory(required),
    )
    .option('--labels <y.npy>', 'labels [N], 0 to C-1, for --data x.npy')
    .option(
      foldersAreClassesFlag,
      'take every first folder as a class, also one named train, validation or test',
      false,
    )
    .addOption(cacheOption('directory of the token sets'));
  return addDecodeOptions(command);
}

/** The option `--cache` (default: a folder in the user's cache). */
export function cacheOption(description: string): Option {
  return new Option('--cache <directory>', description).default(userCache(), 'in the user’s cache');
}

export interface SplitFlags {
  validationShare: number;
  testShare: number;
  splitSeed: number;
}

/** Adds the options that divide a data set. The same values give the same parts in every verb. */
export function addSplitOptions(command: Command): Command {
  const share = number({ min: 0, max: 0.9 });
  return command
    .addOption(
      new Option(
        '--validation-share <s>',
        'share of the pictures held out to choose settings, if the data has no validation part',
      )
        .default(defaultValidationShare)
        .argParser(share),
    )
    .addOption(
      new Option(
        '--test-share <s>',
        'share of the pictures held out for the final figure, if the data has no test part',
      )
        .default(defaultTestShare)
        .argParser(share),
    )
    .addOption(
      new Option('--split-seed <n>', 'seed of the division into parts').default(0).argParser(integer({ min: 0 })),
    );
}

/**
 * How the options divide a data set. What the command line does not say is as in the model's own training.
 *
 * @param trained the split of that training, if one is recorded
 */
export function splitOptions(
  flags: SplitFlags,
  command: Command,
  trained: Required<SplitOptions> | undefined,
): Required<SplitOptions> {
  const chosen = (name: keyof SplitFlags, of: keyof SplitOptions): number =>
    command.getOptionValueSource(name) === 'cli' ? flags[name] : (trained?.[of] ?? flags[name]);
  return {
    validation: chosen('validationShare', 'validation'),
    test: chosen('testShare', 'test'),
    seed: chosen('splitSeed', 'seed'),
  };
}

/** Opens the data set that the options name, with a progress bar; prints its size and the pictures left out. */
export async function openNamedDataSet(options: DataOptions, checkpoint: Checkpoint): Promise<DataSet> {
  const { data, labels, foldersAreClasses, cache } = options;
  using skipped = createSkippedFiles();
  using bar = progressBar('pictures');
  const observer = dataSetObserver(bar, skipped);
  const source = { data, labels, foldersAreClasses, cache, limits: decodingSettings(options) };
  const dataSet = await openDataSet(source, checkpoint, observer);
  bar.stop();
  process.stderr.write(skipped.report() + describeDataSet(printable(data), dataSet));
  return dataSet;
}

/** What a verb shows while a data set opens. */
export function dataSetObserver(bar: ProgressBar, skipped: SkippedFiles): DataSetObserver {
  return {
    onProgress: bar.update,
    onSkipped: skipped.add,
    onFetch: () => bar.say(`${cifar10Name}: downloading 139 MB with npm, only this once`),
  };
}
