import type { Objective } from '../image-gpt/config.ts';

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
