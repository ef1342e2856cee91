import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { readJsonFile } from '../checkpoint/json-file.ts';
import { writeProbe } from '../checkpoint/probe.ts';
import { type TensorData, writeSafetensors } from '../checkpoint/safetensors/write-safetensors.ts';
import { isMissing } from '../local/error.ts';
import type { Objective } from '../ports/model.ts';
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

/** Where the class head of a trained model is: `score.weight`, which reads the last layer, or a probe on another one. */
type HeadPlace = 'score' | 'probe';

export interface TrainedAs {
  objective: Objective;
  /** Absent: the class head was not trained, and stays what it was. */
  head?: HeadPlace;
  /** Names of the classes of a head that was trained; absent: the config's own are right. */
  classes?: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/**
 * config.json of a trained model: the one it began with, in the same layout, with what is another now. It loses its old
 * name, so that the model is called after its directory.
 */
export function trainedConfig(json: Json, { objective, head, classes }: TrainedAs): Json {
  const { _name_or_path: _, torch_dtype, dtype, ...kept } = json;
  const { igpt, id2label: __, label2id: ___, num_labels: ____, ...headless } = kept;
  const openAi = 'n_vocab' in json;
  const names = classes && Object.fromEntries(classes.entries());
  const own = { ...(isRecord(igpt) ? igpt : {}), objective };
  return {
    ...(head === 'probe' || classes !== undefined ? headless : kept),
    // Weights are trained, and written, in 32 bits.
    ...(torch_dtype !== undefined && { torch_dtype: 'float32' }),
    ...(dtype !== undefined && { dtype: 'float32' }),
    ...(!openAi && head === 'score' && { architectures: ['ImageGPTForImageClassification'] }),
    ...(!openAi && head === 'probe' && { architectures: ['ImageGPTForCausalImageModeling'] }),
    ...(head === 'score' && names !== undefined && { id2label: names }),
    ...(head === 'score' &&
      !openAi &&
      classes !== undefined && { label2id: Object.fromEntries(classes.map((name, i) => [name, i])) }),
    ...(openAi && { bert: objective === 'bert' }),
    ...(!openAi && { igpt: own }),
    ...(openAi && isRecord(igpt) && { igpt: own }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
