import type { ImageGptModel } from '../graph/forward-graph.ts';
import type { Weight } from '../graph/weights.ts';
import { openForward } from './forward.ts';

/**
 * logits[0, :3, :3] of openai/imagegpt-small that transformers' own test pins (test_modeling_imagegpt.py,
 * test_inference_causal_lm_head), on its picture tests/fixtures/tests_samples/COCO/000000039769.png.
 */
export const PINNED_LOGITS: readonly (readonly number[])[] = [
  [2.3445, 2.6889, 2.7313],
  [1.053, 1.2416, 0.5699],
  [0.2205, 0.7749, 0.3953],
];

/** transformers asks for 1e-4 on its own tokens; ours may differ by a near-tie of colours, which moves all that follow. */
export const PINNED_TOLERANCE = 1e-3;

/** Whether a model has the shape of the one whose logits are pinned. */
export function isPinnedShape({ config }: ImageGptModel): boolean {
  const { n_embd, n_layer, n_head, n_colors, n_positions, objective } = config;
  const shape = [n_embd, n_layer, n_head, n_colors, n_positions];
  return objective === 'ar' && [512, 24, 8, 512, 1024].every((size, i) => size === shape[i]);
}

/**
 * The first logits [3, 3] as transformers' test computes them: without SOS, so that position i sees token i instead of
 * the one before. `tokens` [n].
 */
export async function logitsWithoutSos(model: ImageGptModel, tokens: Uint16Array): Promise<number[][]> {
  const [first = 0, ...rest] = tokens;
  // The row of the first token takes the place of SOS; the last token is never seen.
  const weights = { ...model.weights, sos: rowOf(model.weights.wte, first) };
  const forward = await openForward({ ...model, weights }, { logits: true });
  try {
    const { n_colors: colors } = model.config;
    const logits = (await forward.run(Uint16Array.of(...rest, 0))).get('logits')?.data ?? new Float32Array(0); // [1, n, V]
    return PINNED_LOGITS.map((row, position) => row.map((_, color) => logits[position * colors + color] ?? Number.NaN));
  } finally {
    await forward.close();
  }
}

/** One row [d] of an embedding [rows, d], where it lies. */
function rowOf(table: Weight, row: number): Weight {
  const [rows = 1, d = 0] = table.shape;
  const length = table.length / rows;
  return { ...table, name: `${table.name}[${row}]`, offset: table.offset + row * length, length, shape: [d] };
}
