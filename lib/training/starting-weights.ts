import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openSource } from '../checkpoint/import/find-source.ts';
import { openAiTensors } from '../checkpoint/import/openai-tensors.ts';
import { readFloats } from '../checkpoint/read-floats.ts';
import { weightsByRole } from '../checkpoint/weights-by-role.ts';
import type { ImageGptWeights, Weight } from '../graph/weights.ts';
import type { Objective } from '../ports/model.ts';

/** The weights that a training starts from, under the names that it writes. */
interface StartingWeights extends AsyncDisposable {
  weights: ImageGptWeights;
  /** How their values are read. Undefined: from the files of the checkpoint. */
  read: ((weight: Weight) => Promise<Float32Array>) | undefined;
}

/** Whether the training changes the layout: BERT models are written in OpenAI's only (see `toOpenAiConfig`). */
export function changesLayout({ weights }: Pick<Checkpoint, 'weights'>, objective: Objective): boolean {
  return objective === 'bert' && weights.layout === 'huggingface';
}

/**
 * The weights of `checkpoint`, in OpenAI's layout if the training writes that.
 *
 * @throws CheckpointError
 */
export async function startingWeights(checkpoint: Checkpoint, objective: Objective): Promise<StartingWeights> {
  const { weights, directory, config } = checkpoint;
  if (!changesLayout(checkpoint, objective)) {
    return { weights, read: undefined, [Symbol.asyncDispose]: async () => {} };
  }
  const { source } = await openSource(directory);
  await using opened = new AsyncDisposableStack();
  opened.use(source);
  const tensors = await openAiTensors(weights, config, source.tensors, 'F32');
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const stored = tensors.map(
    ({ name, dtype, shape }) => [name, { name, dtype, shape, file: '', offset: 0, length: 0 }] as const,
  );
  const files = { directory: weights.directory, files: [], bytes: 0, tensors: new Map(stored) };
  const renamed = weightsByRole(files, { ...config, objective });
  const owned = opened.move();
  return {
    weights: renamed,
    async read({ name }) {
      const tensor = byName.get(name);
      return tensor === undefined ? new Float32Array(0) : readFloats(tensor);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
