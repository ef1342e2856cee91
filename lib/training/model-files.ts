import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { readJsonFile } from '../checkpoint/json-file.ts';
import { writeProbe } from '../checkpoint/probe.ts';
import { type TensorData, writeSafetensors } from '../checkpoint/safetensors/write-safetensors.ts';
import { isMissing } from '../local/file-error.ts';
import { type TrainedAs, trainedConfig } from './trained-config.ts';
import { writeWhole } from './write-whole.ts';

/** A class head on another layer than the last, which is served as a probe. */
export interface InnerHead {
  /** Name of its weight among the parameters. */
  name: string;
  /** 0..n_layer - 1 */
  layer: number;
  labels: readonly string[];
}

/** The files of a model that stay what they are while it is trained, and how its weights are written. */
export interface ModelFiles {
  /** Names of the files with weights. */
  readonly weightFiles: readonly string[];
  /** Writes config.json and preprocessor_config.json. */
  writeDescription(directory: string): Promise<void>;
  /** Writes the weights; each file appears whole or not at all. */
  writeWeights(directory: string): Promise<void>;
}

/**
 * How a model that is trained from `checkpoint` is written, in the checkpoint's layout.
 *
 * @param parameters live; written as they are at the time
 */
export async function createModelFiles(
  { directory }: Pick<Checkpoint, 'directory'>,
  parameters: readonly TensorData[],
  trained: TrainedAs & { innerHead?: InnerHead },
): Promise<ModelFiles> {
  const { innerHead } = trained;
  const schema = z.record(z.string(), z.unknown());
  const json = (await readJsonFile(join(directory, 'config.json'), schema, 'config_invalid')) ?? {};
  const config = `${JSON.stringify(trainedConfig(json, trained), undefined, 2)}\n`;
  const preprocessor = await readFile(join(directory, 'preprocessor_config.json')).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  return {
    weightFiles: ['model.safetensors', ...(innerHead === undefined ? [] : ['probe.safetensors'])],
    async writeDescription(to) {
      await writeWhole(join(to, 'config.json'), config);
      if (preprocessor !== undefined) await writeWhole(join(to, 'preprocessor_config.json'), preprocessor);
    },
    async writeWeights(to) {
      const body = parameters.filter(({ name }) => name !== innerHead?.name);
      // First, since a probe without its model is found out; a model with an old probe is not.
      if (innerHead !== undefined) {
        const { layer, labels, name } = innerHead;
        const weight = parameters.find((tensor) => tensor.name === name)?.data ?? new Float32Array(0);
        await writeProbe(join(to, 'probe.safetensors'), {
          layers: [layer],
          norm: 'next',
          labels,
          weight,
          bias: new Float32Array(labels.length),
        });
      }
      await writeSafetensors(join(to, 'model.safetensors'), body);
    },
  };
}
