import { join } from 'node:path';
import { z } from 'zod';
import { readSafetensorsHeader } from './safetensors/safetensors.ts';

const schema = z.object({
  /** Which verb trained. */
  by: z.enum(['train', 'probe']),
  /** SHA-256 of its tokens (hex). */
  tokens: z.string(),
  /** SHA-256 of its labels and parts, which decide how it is divided (hex). */
  labels: z.string(),
  validation_share: z.number().min(0).max(1),
  test_share: z.number().min(0).max(1),
  split_seed: z.int().nonnegative(),
});

/**
 * A data set that weights were trained on, and how it was divided. It has no name: the same training gives the same file,
 * wherever the data lies.
 */
export type TrainedOn = z.infer<typeof schema>;

/** The files of a checkpoint that may hold records. */
interface TrainedFiles {
  directory: string;
  weights: { directory: string };
  weightFiles: readonly string[];
  probe?: object | undefined;
}

/** Key of the records in the metadata of a safetensors file, where they stay with the weights. */
const key = 'igpt.trained_on';

/** Metadata of a safetensors file with trained weights. */
export function trainedOnMetadata(records: readonly TrainedOn[]): Record<string, string> {
  return records.length === 0 ? {} : { [key]: JSON.stringify(records) };
}

/** What the weights of a checkpoint were trained on, in order; empty where igpt did not train them. */
export async function weightsTrainedOn({ weights, weightFiles }: TrainedFiles): Promise<TrainedOn[]> {
  const [file] = weightFiles;
  return file === undefined ? [] : readRecords(join(weights.directory, file));
}

/** What a checkpoint was trained on: its weights, then its probe. */
export async function trainedOn(checkpoint: TrainedFiles): Promise<TrainedOn[]> {
  const { directory, probe } = checkpoint;
  const ofProbe = probe === undefined ? [] : await readRecords(join(directory, 'probe.safetensors'));
  const ofWeights = await weightsTrainedOn(checkpoint);
  // A class head on an inner layer is trained with the weights, and has the same records.
  return [...ofWeights, ...ofProbe.filter((record) => record.by === 'probe')];
}

async function readRecords(path: string): Promise<TrainedOn[]> {
  const { metadata } = await readSafetensorsHeader(path);
  try {
    return z.array(schema).parse(JSON.parse(metadata[key] ?? '[]'));
  } catch {
    // From another version of igpt: what the model was trained on is not known.
    return [];
  }
}
