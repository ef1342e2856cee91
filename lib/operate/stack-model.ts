import { join } from 'node:path';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { derivedFolder } from '../checkpoint/derived/derived-file.ts';
import type { JobDefinition } from '../contracts/environment.ts';
import { modelsFolder } from '../local/repository.ts';
import { systemClock as clock } from '../local/system-clock.ts';
import { UsageError } from '../ports/error.ts';
import type { ClassInput, FeatureNorm, OutputName } from '../ports/model.ts';
import { type IdentifiedModel, identifyModel, type ModelChoices } from '../runtime/identify-model.ts';

export interface StackModelOptions {
  /** A copy of the stack's model on this machine (default: downloaded once from S3). */
  directory?: string | undefined;
  /** Default of each: the stack's own. */
  outputs?: readonly OutputName[] | undefined;
  layer?: number | undefined;
  norm?: FeatureNorm | undefined;
  input?: ClassInput | undefined;
  /** Called before a download. */
  say(line: string): void;
}

/**
 * Identifies the stack's model with the given outputs. Its id depends on the whole checkpoint, so the checkpoint must be
 * on this machine.
 *
 * @throws {UsageError} when the checkpoint in `directory` is not the stack's model
 */
export async function identifyStackModel(
  definition: JobDefinition,
  { directory: given, outputs, layer, norm, input, say }: StackModelOptions,
): Promise<IdentifiedModel> {
  const { MODEL_ID: expected, MODEL_LOCATION: location } = definition;
  const own: ModelChoices = {
    precision: definition.PRECISION,
    scaledDecoding: definition.SCALED_DECODING,
    outputs: definition.OUTPUTS,
    featureLayer: definition.FEATURE_LAYER,
    featureNorm: definition.FEATURE_NORM,
    input: definition.INPUT,
  };
  const checkpoint = await openCheckpoint(given ?? (await localCopy(definition, say)));
  const identified = await identifyModel(checkpoint, own);
  if (identified.id !== expected) {
    const advice = given === undefined ? 'deploy again' : 'omit --model, or give a copy of the stack’s model';
    throw new UsageError(
      `expected the stack's model ${expected} at ${given ?? location}, found ${identified.id}: ${advice}`,
    );
  }
  if ([outputs, layer, norm, input].every((choice) => choice === undefined)) return identified;
  return identifyModel(checkpoint, {
    ...own,
    outputs: outputs ?? own.outputs,
    featureLayer: layer ?? own.featureLayer,
    featureNorm: norm ?? own.featureNorm,
    input: input ?? own.input,
  });
}

/** Directory of the stack's model on this machine. */
async function localCopy(
  { MODEL_ID: id, MODEL_LOCATION: location }: JobDefinition,
  say: (line: string) => void,
): Promise<string> {
  // igpt-nano comes with this package. The caller compares the ids, so it detects a different checkpoint of this name.
  if (/^igpt-nano-[0-9a-f]{12}$/.test(id)) return join(modelsFolder, 'igpt-nano');
  const [{ createS3Client }, { fetchModel }] = await Promise.all([
    import('../aws/clients.ts'),
    import('../aws/fetch-model.ts'),
  ]);
  say(`downloading the stack's model ${id} once from ${location}: the job's id depends on it`);
  const cache = join(derivedFolder(), 'stack-models');
  return fetchModel({ client: createS3Client(), clock, location, weights: true, cache });
}
