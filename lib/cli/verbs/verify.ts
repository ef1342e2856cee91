import { Command } from 'commander';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
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
import { openNamedCheckpoint } from '../options/model-option.ts';
import { nonFiniteText } from '../terminal/model-text.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';

interface VerifyOptions {
  picture?: string;
  json: boolean;
}

/** Our logits next to the known ones of transformers' test. */
interface KnownLogitsReport {
  ours: readonly (readonly number[])[];
  pinned: readonly (readonly number[])[];
  largestDifference: number;
  agrees: boolean;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'Checks a checkpoint: whether every weight is finite, how uneven the channels of each layer are, and how well each matrix survives int8. With --picture (000000039769.png of transformers’ tests), it also compares imagegpt-small’s first logits with those that transformers’ own test expects.',
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
      '\nExit codes: 0 done, 1 the logits differ from the known ones or weights are NaN or infinite, 2 wrong command line.',
    )
    .action((model: string, options: VerifyOptions) => verify(model, options));
}

async function verify(model: string, options: VerifyOptions): Promise<void> {
  const checkpoint = await openNamedCheckpoint(model);
  const { directory } = checkpoint;
  const recipe = requirePreprocessing(directory, checkpoint.preprocessing);
  if (options.picture !== undefined && !hasKnownLogits(checkpoint)) {
    throw new UsageError(
      `--picture: expected openai/imagegpt-small, whose logits are known, but ${checkpoint.name} has another shape; leave it out`,
    );
  }
  const tokens = await tokensOf(options.picture ?? samplePicturePath('animals/cat.jpg'), recipe);
  const nonFinite = await findNonFinite(checkpoint.weights);
  if (nonFinite.length > 0) {
    // Results of such weights mean nothing.
    process.exitCode = 1;
    const report = {
      model: checkpoint.name,
      non_finite: nonFinite,
      pinned: null,
      outliers: [],
      int8_matrix_cosines: [],
    };
    await writeOut(options.json ? `${JSON.stringify(report)}\n` : `NOT valid: ${nonFiniteText(nonFinite)}.\n`);
    return;
  }
  const known = options.picture === undefined ? undefined : await compareWithKnown(checkpoint, tokens);
  const outliers = await findOutliers(checkpoint, tokens);
  const { checkpoint: int8 } = await inPrecision(checkpoint, 'int8');
  const cosines = await projectionCosines(checkpoint, int8.weights);
  if (known?.agrees === false) process.exitCode = 1;
  await writeOut(
    options.json
      ? `${JSON.stringify({ model: checkpoint.name, non_finite: [], pinned: known ?? null, outliers, int8_matrix_cosines: cosines })}\n`
      : describe(known, outliers, cosines),
  );
}

async function tokensOf(file: string, recipe: Preprocessing): Promise<Uint16Array> {
  const { tokens } = await readTokens([file], recipe);
  const [only] = tokens;
  if (only === undefined)
    throw new ImageGptError('no_pictures', `${file}: expected a picture, received another kind of file`);
  return only;
}

async function compareWithKnown(checkpoint: Checkpoint, tokens: Uint16Array): Promise<KnownLogitsReport> {
  const ours = await logitsWithoutSos(checkpoint, tokens);
  const differences = ours.flatMap((row, i) => row.map((logit, j) => Math.abs(logit - (knownLogits[i]?.[j] ?? 0))));
  const largestDifference = Math.max(...differences);
  return { ours, pinned: knownLogits, largestDifference, agrees: largestDifference <= knownLogitsTolerance };
}

function describe(
  known: KnownLogitsReport | undefined,
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
    { title: 'largest channel / median', ...right },
    { title: 'after the norm', ...right },
    { title: 'lowest cosine of an int8 matrix', ...right },
  ];
  const lowest = Math.min(...cosines);
  const verdict = `The lowest cosine is ${lowest.toFixed(5)}; below ${leastCosine} a matrix gets a finer format than int8.\n`;
  if (known === undefined) return `${table(columns, layers)}\n${verdict}`;
  const rows = known.ours.map((row, i) =>
    [row, known.pinned[i] ?? []].map((logits) => logits.map((v) => v.toFixed(4)).join(' ')),
  );
  const words = known.agrees ? 'the same' : 'NOT the same: the weights, the palette or the picture differ';
  return [
    table([{ title: 'our logits' }, { title: 'known from transformers' }], rows),
    `\nLargest difference ${known.largestDifference.toExponential(1)}, allowed ${knownLogitsTolerance}: ${words}.\n\n`,
    table(columns, layers),
    `\n${verdict}`,
  ].join('');
}
