import { Command } from 'commander';
import { type Checkpoint, openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { findNonFinite } from '../../checkpoint/non-finite.ts';
import { requirePreprocessing } from '../../checkpoint/preprocessor-file.ts';
import { readTokens } from '../../decode/read-tokens.ts';
import { ImageGptError, UsageError } from '../../ports/error.ts';
import type { Preprocessing } from '../../ports/model.ts';
import { hasKnownLogits, knownLogits, knownLogitsTolerance, logitsWithoutSos } from '../../runtime/known-logits.ts';
import { findOutliers, type LayerOutliers } from '../../runtime/outliers.ts';
import { inPrecision, leastCosine } from '../../runtime/precision.ts';
import { projectionCosines } from '../../runtime/projection-cosines.ts';
import { examples, samplePicturePath, samplePictures } from '../invocation.ts';
import { modelDirectory } from '../options/model-option.ts';
import { nonFiniteWords } from '../terminal/model-words.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';

interface VerifyOptions {
  picture?: string;
  json: boolean;
}

/** Our logits beside those that transformers' test pins. */
interface PinnedReport {
  ours: readonly (readonly number[])[];
  pinned: readonly (readonly number[])[];
  largestDifference: number;
  agrees: boolean;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'Looks at a checkpoint before it is relied on. With --picture, the COCO picture 000000039769.png of transformers’ tests, compares imagegpt-small’s first logits with those that transformers’ own test pins. Always: whether every weight is a number, how uneven the channels are, layer by layer, and how well each matrix survives int8.',
    )
    .argument('<model>', 'checkpoint directory, or igpt-nano')
    .option(
      '--picture <file>',
      'the picture of transformers’ test (tests/fixtures/tests_samples/COCO/000000039769.png)',
    )
    .option('--json', 'as one JSON object', false)
    .addHelpText(
      'after',
      examples('verify igpt-nano', `verify ./imagegpt-small --picture ${samplePictures('animals/cat.jpg')}`),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 the logits differ from the pinned ones or weights are NaN or infinite, 2 wrong command line.',
    )
    .action((model: string, options: VerifyOptions) => verify(model, options));
}

async function verify(model: string, options: VerifyOptions): Promise<void> {
  const directory = modelDirectory(model);
  const checkpoint = await openCheckpoint(directory);
  const recipe = requirePreprocessing(directory, checkpoint.preprocessing);
  if (options.picture !== undefined && !hasKnownLogits(checkpoint)) {
    throw new UsageError(
      `--picture: the pinned logits are openai/imagegpt-small's, and ${checkpoint.name} has another shape; leave it out`,
    );
  }
  const tokens = await tokensOf(options.picture ?? samplePicturePath('animals/cat.jpg'), recipe);
  const nonFinite = await findNonFinite(checkpoint.weights);
  if (nonFinite.length > 0) {
    // Whatever is computed with such weights would say nothing.
    process.exitCode = 1;
    const report = {
      model: checkpoint.name,
      non_finite: nonFinite,
      pinned: null,
      outliers: [],
      int8_matrix_cosines: [],
    };
    await writeOut(options.json ? `${JSON.stringify(report)}\n` : `NOT sound: ${nonFiniteWords(nonFinite)}.\n`);
    return;
  }
  const pinned = options.picture === undefined ? undefined : await comparePinned(checkpoint, tokens);
  const outliers = await findOutliers(checkpoint, tokens);
  const { checkpoint: int8 } = await inPrecision(checkpoint, 'int8');
  const cosines = await projectionCosines(checkpoint, int8.weights);
  if (pinned?.agrees === false) process.exitCode = 1;
  await writeOut(
    options.json
      ? `${JSON.stringify({ model: checkpoint.name, non_finite: [], pinned: pinned ?? null, outliers, int8_matrix_cosines: cosines })}\n`
      : describe(pinned, outliers, cosines),
  );
}

async function tokensOf(file: string, recipe: Preprocessing): Promise<Uint16Array> {
  const { tokens } = await readTokens([file], recipe);
  const [only] = tokens;
  if (only === undefined) throw new ImageGptError('no_pictures', `${file}: expected a picture, got something else`);
  return only;
}

async function comparePinned(checkpoint: Checkpoint, tokens: Uint16Array): Promise<PinnedReport> {
  const ours = await logitsWithoutSos(checkpoint, tokens);
  const differences = ours.flatMap((row, i) => row.map((logit, j) => Math.abs(logit - (knownLogits[i]?.[j] ?? 0))));
  const largestDifference = Math.max(...differences);
  return { ours, pinned: knownLogits, largestDifference, agrees: largestDifference <= knownLogitsTolerance };
}

function describe(
  pinned: PinnedReport | undefined,
  outliers: readonly LayerOutliers[],
  cosines: readonly number[],
): string {
  const right = { align: 'right' } as const;
  const layers = outliers.map(({ layer, raw, normed }) => {
    const own = cosines.slice(4 * layer, 4 * layer + 4);
    return [String(layer), raw.toFixed(1), normed.toFixed(1), own.length === 0 ? '-' : Math.min(...own).toFixed(5)];
  });
  const columns = [
    { title: 'layer', ...right },
    { title: 'largest channel / middle one', ...right },
    { title: 'after the norm', ...right },
    { title: 'lowest cosine of an int8 matrix', ...right },
  ];
  const lowest = Math.min(...cosines);
  const verdict = `The lowest cosine is ${lowest.toFixed(5)}; below ${leastCosine} a matrix is kept finer than int8.\n`;
  if (pinned === undefined) return `${table(columns, layers)}\n${verdict}`;
  const rows = pinned.ours.map((row, i) =>
    [row, pinned.pinned[i] ?? []].map((logits) => logits.map((v) => v.toFixed(4)).join(' ')),
  );
  const words = pinned.agrees ? 'the same' : 'NOT the same: other weights, another palette, or another picture';
  return [
    table([{ title: 'our logits' }, { title: 'pinned by transformers' }], rows),
    `\nLargest difference ${pinned.largestDifference.toExponential(1)}, allowed ${knownLogitsTolerance}: ${words}.\n\n`,
    table(columns, layers),
    `\n${verdict}`,
  ].join('');
}
