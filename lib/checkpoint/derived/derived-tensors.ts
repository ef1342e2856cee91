import type { BlockWeights, ImageGptWeights, Weight } from '../../graph/weights.ts';
import type { ImageGptConfig } from '../../image-gpt/config.ts';
import { fromFloat32 } from '../float-dtype.ts';
import type { StreamedTensor } from '../safetensors/write-safetensors.ts';
import { listWeights } from '../weights-by-role.ts';
import type { MatrixFormat, MatrixRole, Plan } from './precision-plan.ts';
import {
  multiplyColumns,
  multiplyRows,
  packAttention,
  quantizeBlocks,
  quantizeColumns,
  valueScales,
} from './quantize-matrix.ts';
import { readWeight } from './read-weight.ts';

/** Tensor names in a derived file of quantized weights. */
export const derivedNames = {
  values: (layer: number, role: MatrixRole) => `blocks.${layer}.${role}.values`,
  scales: (layer: number, role: MatrixRole) => `blocks.${layer}.${role}.scales`,
  /** A matrix that stays f32. */
  plain: (layer: number, role: MatrixRole) => `blocks.${layer}.${role}`,
  attentionBias: (layer: number) => `blocks.${layer}.attention.bias`,
  /** The gain that the norm applies. If the original gain was folded into the matrix, it is stored as `foldedLn1`. */
  ln1: (layer: number) => `blocks.${layer}.ln_1`,
  ln2: (layer: number) => `blocks.${layer}.ln_2`,
  foldedLn1: (layer: number) => `blocks.${layer}.ln_1.folded`,
  foldedLn2: (layer: number) => `blocks.${layer}.ln_2.folded`,
  /** The divisor of each channel of the values, [d]. */
  valueScales: (layer: number) => `blocks.${layer}.value_scales`,
} as const;

/** How many inputs share a scale, by format. */
const blockLength: Readonly<Partial<Record<MatrixFormat, number>>> = {
  'int8-block-32': 32,
  'int8-block-128': 128,
};

/** Every weight in F16, with the names and the order of the checkpoint. */
export function halfTensors(weights: ImageGptWeights): StreamedTensor[] {
  return listWeights(weights).map((weight) => ({
    name: weight.name,
    dtype: 'F16',
    shape: weight.shape,
    async *pieces() {
      yield fromFloat32(await readWeight(weights.directory, weight), 'F16', weight.name);
    },
  }));
}

/** Everything that a quantized graph reads: the matrices in their planned formats, the rest in f32. Keeps one matrix in memory. */
export function quantizedTensors(weights: ImageGptWeights, config: ImageGptConfig, plan: Plan): StreamedTensor[] {
  const { wte, sos, wpe, lnF, lmHead, score, blocks, directory } = weights;
  const kept = [wte, sos, wpe, lnF, lmHead, score].filter((weight) => weight !== undefined);
  return [
    ...kept.map((weight) => floats(weight.name, weight.shape, () => readWeight(directory, weight))),
    ...blocks.flatMap((block, layer) => {
      const formats = plan[layer];
      if (formats === undefined)
        throw new RangeError(`Expected a plan of ${blocks.length} blocks, received ${plan.length}`);
      return blockTensors(block, layer, formats, directory, config);
    }),
  ];
}

/** Whether the gain of the preceding norm is multiplied into a matrix of this format. */
export function foldsGain(format: MatrixFormat): boolean {
  return format !== 'int8-unfolded';
}

function blockTensors(
  block: BlockWeights,
  layer: number,
  formats: Readonly<Record<MatrixRole, MatrixFormat>>,
  directory: string,
  { n_embd: d, n_inner }: ImageGptConfig,
): StreamedTensor[] {
  const read = (weight: Weight) => readWeight(directory, weight);

  /** q | k | v [d, 3d] with the gain of ln_1 folded in, and the scales of v that move to the attention projection [d]. */
  const attention = once(async () => {
    const packed = await packAttention(block, read, d);
    if (foldsGain(formats.attention)) multiplyRows(packed, await read(block.ln1));
    const scales = valueScales(packed, d);
    multiplyColumns(
      packed,
      Float32Array.from(scales, (scale) => 1 / scale),
      2 * d,
    );
    return { packed, scales };
  });
  const attentionProjection = once(async () => {
    const matrix = await read(block.attentionProjection);
    multiplyRows(matrix, (await attention()).scales);
    return matrix;
  });
  const fc = once(async () => {
    const matrix = await read(block.fc);
    if (foldsGain(formats.fc)) multiplyRows(matrix, await read(block.ln2));
    return matrix;
  });
  const { bias } = block.attention;
  const gain = async (weight: Weight, format: MatrixFormat) =>
    foldsGain(format) ? new Float32Array(d).fill(1) : read(weight);

  return [
    floats(derivedNames.ln1(layer), [d], () => gain(block.ln1, formats.attention)),
    ...(foldsGain(formats.attention) ? [floats(derivedNames.foldedLn1(layer), [d], () => read(block.ln1))] : []),
    ...matrixTensors(layer, 'attention', formats.attention, [d, 3 * d], async () => (await attention()).packed),
    ...(bias === undefined
      ? []
      : [
          floats(derivedNames.attentionBias(layer), [3 * d], async () => {
            const values = await read(bias);
            const { scales } = await attention();
            scales.forEach((scale, i) => {
              values[2 * d + i] = (values[2 * d + i] ?? 0) / scale;
            });
            return values;
          }),
        ]),
    floats(derivedNames.valueScales(layer), [d], async () => (await attention()).scales),
    ...matrixTensors(layer, 'attentionProjection', formats.attentionProjection, [d, d], attentionProjection),
    floats(derivedNames.ln2(layer), [d], () => gain(block.ln2, formats.fc)),
    ...(foldsGain(formats.fc) ? [floats(derivedNames.foldedLn2(layer), [d], () => read(block.ln2))] : []),
    ...matrixTensors(layer, 'fc', formats.fc, [d, n_inner], fc),
    ...matrixTensors(layer, 'mlpProjection', formats.mlpProjection, [n_inner, d], () => read(block.mlpProjection)),
    ...[block.attentionProjectionBias, block.fcBias, block.mlpProjectionBias]
      .filter((weight) => weight !== undefined)
      .map((weight) => floats(weight.name, weight.shape, () => read(weight))),
  ];
}

/** A matrix [rows, columns] in its format: one tensor if f32, else values and scales. */
function matrixTensors(
  layer: number,
  role: MatrixRole,
  format: MatrixFormat,
  [rows, columns]: readonly [number, number],
  matrix: () => Promise<Float32Array>,
): StreamedTensor[] {
  const [values, scales] = [derivedNames.values(layer, role), derivedNames.scales(layer, role)];
  const block = blockLength[format];
  if (block !== undefined) {
    const blocks = Math.ceil(rows / block);
    const quantized = once(async () => quantizeBlocks(await matrix(), rows, columns, block));
    return [
      bytes(values, 'U8', [columns, blocks, block], async () => (await quantized()).values),
      floats(scales, [columns * blocks], async () => (await quantized()).scales),
    ];
  }
  if (format === 'f32') return [floats(derivedNames.plain(layer, role), [rows, columns], matrix)];
  const quantized = once(async () => quantizeColumns(await matrix(), rows, columns));
  return [
    bytes(values, 'I8', [rows, columns], async () => (await quantized()).values),
    floats(scales, [columns], async () => (await quantized()).scales),
  ];
}

function floats(name: string, shape: readonly number[], values: () => Promise<Float32Array>): StreamedTensor {
  return bytes(name, 'F32', shape, values);
}

function bytes(
  name: string,
  dtype: string,
  shape: readonly number[],
  values: () => Promise<Float32Array | Int8Array | Uint8Array>,
): StreamedTensor {
  return {
    name,
    dtype,
    shape,
    async *pieces() {
      const { buffer, byteOffset, byteLength } = await values();
      yield new Uint8Array(buffer, byteOffset, byteLength);
    },
  };
}

/** Caches the result by a weak reference, so memory may be reclaimed once the tensors that share it are written. */
function once<T extends object>(make: () => Promise<T>): () => Promise<T> {
  let made: WeakRef<T> | undefined;
  return async () => {
    const found = made?.deref() ?? (await make());
    made = new WeakRef(found);
    return found;
  };
}
