import { join } from 'node:path';
import { z } from 'zod';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { asOpenAiConfig, readConfigFile } from '../checkpoint/config-file.ts';
import { readJsonFile } from '../checkpoint/json-file.ts';
import { writeProbe } from '../checkpoint/probe.ts';
import { type TensorData, writeSafetensors } from '../checkpoint/safetensors/write-safetensors.ts';
import { type TrainedOn, trainedOnMetadata } from '../checkpoint/trained-on.ts';
import { readRegularFile } from '../files/regular-file.ts';
import { isMissing } from '../local/error.ts';
import type { ClassInput, Objective } from '../ports/model.ts';
import { writeWhole } from './write-whole.ts';

/** A class head that reads an inner layer. It is stored as a probe. */
export interface InnerHead {
  /** Name of its weight among the parameters. */
  name: string;
  /** 0..n_layer - 1 */
  layer: number;
  labels: readonly string[];
}

export interface TrainedAs {
  objective: Objective;
  /** What the class head reads (default: sos); BERT models have no start token. */
  input?: ClassInput | undefined;
  /**
   * Where the trained class head is stored: in `score.weight`, which reads the last layer, or as a probe on another
   * layer. Default: no class head was trained, and the model's own stays.
   */
  head?: 'score' | 'probe' | undefined;
  /** Class names of the trained head. Default: the names in the model's config. */
  classes?: readonly string[] | undefined;
}

/** What is written beside the config. */
interface Written {
  innerHead?: InnerHead | undefined;
  /** What the model was trained on, the last training included. */
  records?: readonly TrainedOn[] | undefined;
}

/** Writes the files of a model that is being trained. */
export interface ModelFiles {
  /** Names of the files that hold weights. */
  readonly weightFiles: readonly string[];
  /** Writes config.json and preprocessor_config.json. */
  writeDescription(directory: string): Promise<void>;
  /** Writes the weights as they are now. Each file appears whole or not at all. */
  writeWeights(directory: string): Promise<void>;
}

/**
 * Files of a model that is trained from `checkpoint`, in the checkpoint's layout; BERT models in OpenAI's.
 *
 * @param parameters the live weights
 */
export async function createModelFiles(
  { directory }: Pick<Checkpoint, 'directory'>,
  parameters: readonly TensorData[],
  trained: TrainedAs & Written,
): Promise<ModelFiles> {
  const { innerHead, records = [] } = trained;
  const schema = z.record(z.string(), z.unknown());
  const path = join(directory, 'config.json');
  const own = (await readJsonFile(path, schema, 'config_invalid')) ?? {};
  const converted = trained.objective === 'bert' && !('n_vocab' in own);
  const json = converted ? asOpenAiConfig(own, await readConfigFile(path)) : own;
  const config = `${JSON.stringify(trainedConfig(json, trained), undefined, 2)}\n`;
  const preprocessor = await readRegularFile(join(directory, 'preprocessor_config.json')).catch((error: unknown) => {
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
      // The probe is written first: a reader detects a new probe beside old weights, but not an old one beside new weights.
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
      await writeSafetensors(join(to, 'model.safetensors'), body, { format: 'pt', ...trainedOnMetadata(records) });
    },
  };
}

type Json = Readonly<Record<string, unknown>>;

/**
 * config.json of a trained model: that of its checkpoint, in the same layout, with the changed fields. The checkpoint's
 * name is removed, so that the model takes the name of its directory.
 */
export function trainedConfig(json: Json, { objective, input = 'sos', head, classes }: TrainedAs): Json {
  const { igpt, torch_dtype, dtype } = json;
  const kept = without(json, ['_name_or_path', 'torch_dtype', 'dtype']);
  const headless = without(kept, ['igpt', 'id2label', 'label2id', 'num_labels', 'problem_type']);
  const openAi = 'n_vocab' in json;
  const names = classes && Object.fromEntries(classes.entries());
  const bert = objective === 'bert';
  const own = { ...without(isRecord(igpt) ? igpt : {}, ['input']), objective, ...(!bert && { input }) };
  return {
    ...(head === 'probe' || classes !== undefined ? headless : kept),
    // Weights are trained and written in 32 bits.
    ...(torch_dtype !== undefined && { torch_dtype: 'float32' }),
    ...(dtype !== undefined && { dtype: 'float32' }),
    ...(!openAi && head === 'score' && { architectures: ['ImageGPTForImageClassification'] }),
    ...(!openAi && head === 'probe' && { architectures: ['ImageGPTForCausalImageModeling'] }),
    ...(head === 'score' && names !== undefined && { id2label: names }),
    ...(head === 'score' &&
      !openAi &&
      classes !== undefined && { label2id: Object.fromEntries(classes.map((name, i) => [name, i])) }),
    ...(openAi && { bert }),
    ...((!openAi || !bert || isRecord(igpt)) && { igpt: own }),
  };
}

function without(json: Json, keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
