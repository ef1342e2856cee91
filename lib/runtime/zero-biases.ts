import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { openRegularFile } from '../files/regular-file.ts';
import type { BlockWeights, ImageGptWeights, Weight } from '../graph/weights.ts';
import { RuntimeError } from './error.ts';

/**
 * The weights without the biases that are all zero, which would take 4 % of the time. OpenAI's models have no biases,
 * and transformers' conversion (convert_imagegpt_original_tf2) adds zeros. Only the first `layers` blocks are read.
 *
 * @throws RuntimeError `session_failed` when a weight file cannot be read
 */
export async function withoutZeroBiases(
  weights: ImageGptWeights,
  layers = weights.blocks.length,
): Promise<ImageGptWeights> {
  const handles = new Map<string, FileHandle>();

  async function isZero(weight: Weight): Promise<boolean> {
    const handle = handles.get(weight.file) ?? (await openRegularFile(join(weights.directory, weight.file)));
    handles.set(weight.file, handle);
    const bytes = new Uint8Array(weight.length);
    await handle.read(bytes, 0, weight.length, weight.offset);
    return bytes.every((byte) => byte === 0);
  }

  async function unlessZero(weight: Weight | undefined): Promise<Weight | undefined> {
    return weight === undefined || (await isZero(weight)) ? undefined : weight;
  }

  async function withoutZeros(block: BlockWeights): Promise<BlockWeights> {
    const { attention } = block;
    return {
      ...block,
      attention: { ...attention, bias: await unlessZero(attention.bias) },
      attentionProjectionBias: await unlessZero(block.attentionProjectionBias),
      fcBias: await unlessZero(block.fcBias),
      mlpProjectionBias: await unlessZero(block.mlpProjectionBias),
    };
  }

  try {
    const blocks: BlockWeights[] = [];
    for (const [i, block] of weights.blocks.entries()) blocks.push(i < layers ? await withoutZeros(block) : block);
    return { ...weights, blocks };
  } catch (cause) {
    throw new RuntimeError(
      'session_failed',
      'Expected to read the weight files, but one was changed or removed. Restore the checkpoint.',
      { cause },
    );
  } finally {
    for (const handle of handles.values()) await handle.close();
  }
}
