import type { ImageGptModel } from '../graph/forward-graph.ts';
import type { Weight } from '../graph/weights.ts';
import { openForward } from './forward.ts';

/**
 * logits[0, :3, :3] of openai/imagegpt-small in transformers' own test (test_modeling_imagegpt.py,
 * test_inference_causal_lm_head), for the picture tests/fixtures/tests_samples/COCO/000000039769.png.
 */
export const knownLogits: readonly (readonly number[])[] = [
  [2.3445, 2.6889, 2.7313],
  [1.053, 1.2416, 0.5699],
  [0.2205, 0.7749, 0.3953],
];

/**
 * transformers allows 1e-4 for its own tokens. Ours may differ where two colours are almost equally near, and later
 * logits with them.
 */
export const knownLogitsTolerance = 1e-3;

/** Whether a model has the shape of the one with known logits. */
export function hasKnownLogits({ config }: ImageGptModel): boolean {
  const { n_embd, n_layer, n_head, n_colors, n_positions, objective } = config;
  const shape = [n_embd, n_layer, n_head, n_colors, n_positions];
  return objective === 'ar' && [512, 24, 8, 512, 1024].every((size, i) => size === shape[i]);
}

/**
 * The first logits [3, 3], computed as in transformers' test: without SOS, so position i sees token i instead of token
 * i - 1. `tokens` [n].
 */
export async function logitsWithoutSos(model: ImageGptModel, tokens: Uint16Array): Promise<number[][]> {
  const [first = 0, ...rest] = tokens;
  // The first token's row replaces SOS; the last token is never seen.
  const weights = { ...model.weights, sos: rowOf(model.weights.wte, first) };
  const forward = await openForward({ ...model, weights }, { logits: true });
  try {
    const { n_colors: colors } = model.config;
    const outputs = await forward.execute(Uint16Array.of(...rest, 0));
    const logits = outputs.get('logits')?.data ?? new Float32Array(0); // [1, n, V]
    return knownLogits.map((row, position) => row.map((_, color) => logits[position * colors + color] ?? Number.NaN));
  } finally {
    await forward.close();
  }
}

/** One row [d] of an embedding [rows, d], in the same file. */
function rowOf(table: Weight, row: number): Weight {
  const [rows = 1, d = 0] = table.shape;
  const length = table.length / rows;
  return { ...table, name: `${table.name}[${row}]`, offset: table.offset + row * length, length, shape: [d] };
}
