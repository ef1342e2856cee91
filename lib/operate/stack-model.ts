import { join } from 'node:path';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { derivedFolder } from '../checkpoint/derived/derived-file.ts';
import { modelDirectory, nanoDirectory } from '../cli/options/model-option.ts';
import type { OutputOptions } from '../cli/options/prediction-options.ts';
import { printable } from '../cli/terminal/text.ts';
import type { JobDefinition } from '../contracts/environment.ts';
import { systemClock as clock } from '../local/system-clock.ts';
import { UsageError } from '../ports/error.ts';
import { type IdentifiedModel, identifyModel, type ModelChoices } from '../runtime/identify-model.ts';

interface StackModelOptions extends OutputOptions {
  /** A copy of the stack's model on this machine. */
  model?: string;
}

/**
 * The stack's model with the outputs that are asked for, by default the stack's own. The id needs the whole checkpoint:
 * it is `--model`, or is fetched from S3 once.
 *
 * @throws UsageError when `--model` is another one than the stack's
 */
export async function identifyStackModel(
  definition: JobDefinition,
  options: StackModelOptions,
  say: (line: string) => void,
): Promise<IdentifiedModel> {
  const { MODEL_ID: expected, MODEL_LOCATION: location } = definition;
  const { model: given, outputs, layer, norm } = options;
  const own: ModelChoices = {
    precision: definition.PRECISION,
    scaledDecoding: definition.SCALED_DECODING,
    outputs: definition.OUTPUTS,
    featureLayer: definition.FEATURE_LAYER,
    featureNorm: definition.FEATURE_NORM,
  };
  const directory = given === undefined ? await copyOf(definition, say) : modelDirectory(given);
  const checkpoint = await openCheckpoint(directory);
  const identified = await identifyModel(checkpoint, own);
  if (identified.id !== expected) {
    throw new UsageError(
      `expected the stack's model ${expected} at ${printable(given ?? location)}, found ${identified.id}: ${given === undefined ? 'deploy again' : 'leave --model out, or name a copy of the stack’s'}`,
    );
  }
  if (outputs === undefined && layer === undefined && norm === undefined) return identified;
  return identifyModel(checkpoint, {
    ...own,
    outputs: outputs ?? own.outputs,
    featureLayer: layer ?? own.featureLayer,
    featureNorm: norm ?? own.featureNorm,
  });
}

/** The directory of the stack's model on this machine. */
async function copyOf(
  { MODEL_ID: id, MODEL_LOCATION: location }: JobDefinition,
  say: (line: string) => void,
): Promise<string> {
  // It comes with this command; another checkpoint of the name is told by its id.
  if (/^igpt-nano-[0-9a-f]{12}$/.test(id)) return nanoDirectory;
  const [{ createS3Client }, { fetchModel }] = await Promise.all([
    import('../aws/clients.ts'),
    import('../aws/fetch-model.ts'),
  ]);
  say(`the stack's model ${id} is needed here for the job's id; fetched once from ${printable(location)}`);
  return fetchModel({
    ...{ client: createS3Client(), clock, location, weights: true },
    cache: join(derivedFolder(), 'stack-models'),
  });
}
