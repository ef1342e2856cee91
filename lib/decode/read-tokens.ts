import { createQuantizer } from '../image-gpt/quantizer.ts';
import { eachPicture } from '../local/picture-files.ts';
import type { Preprocessing } from '../ports/model.ts';
import { decoderDefaults, openDecoder } from './decoder-pool.ts';

/** Tokens [n] of every file that is a picture, in order, and the names of the files that are not. */
export async function readTokens(
  files: readonly string[],
  preprocessing: Preprocessing,
): Promise<{ tokens: Uint16Array[]; failed: string[] }> {
  await using decoder = openDecoder(preprocessing, { size: 1 });
  const quantize = createQuantizer(preprocessing.palette);
  const limits = { maxBytes: decoderDefaults.maxBytes, concurrency: 2 };
  const tokens: Uint16Array[] = [];
  const failed: string[] = [];
  for await (const result of eachPicture(files, limits, async (bytes) => quantize((await decoder.decode(bytes)).rgb))) {
    if (result.status === 'succeeded') tokens.push(result.value);
    else failed.push(result.file);
  }
  return { tokens, failed };
}
