import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { TensorData } from '../../../lib/checkpoint/safetensors/write-safetensors.ts';
import { summarize } from '../../../lib/checkpoint/summary.ts';
import { complete } from '../../../lib/runtime/complete.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { randomTokens, type TinyCheckpointOptions, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

type Half = 'F16' | 'BF16';

const bits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!;

/**
 * Rounds to a number that F16 and BF16 both hold exactly: 8 significant bits, not below F16's smallest normal number.
 */
function coarse(value: number): number {
  const kept = new Float32Array(Uint32Array.of(bits(value) & 0xffff0000).buffer)[0]!;
  return Math.abs(kept) < 2 ** -14 ? 0 : kept;
}

function encode(value: number, dtype: Half): number {
  const wide = bits(value);
  if (dtype === 'BF16') return wide >>> 16;
  // Sign, 5 bits of exponent with bias 15 (F32: 8 bits with bias 127), 10 bits of fraction.
  return value === 0 ? 0 : ((wide >>> 16) & 0x8000) | ((((wide >>> 23) & 0xff) - 112) << 10) | ((wide >>> 13) & 0x3ff);
}

/** Replaces the weights by the same values in 16 bits. ln_f stays F32, as in checkpoints of mixed precision. */
async function halve(directory: string, tensors: readonly TensorData[], dtype: Half): Promise<void> {
  const entries: [string, unknown][] = [];
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const { name, shape, data } of tensors) {
    const stays = name.includes('ln_f');
    const stored = stays ? data : Uint16Array.from(data, (value) => encode(value, dtype));
    entries.push([name, { dtype: stays ? 'F32' : dtype, shape, data_offsets: [end, end + stored.byteLength] }]);
    parts.push(new Uint8Array(stored.buffer));
    end += stored.byteLength;
  }
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await writeFile(join(directory, 'model.safetensors'), Buffer.concat([length, header, ...parts]));
}

const coarseTensors: TinyCheckpointOptions = {
  tensors: (tensors) => tensors.map((tensor) => ({ ...tensor, data: tensor.data.map(coarse) })),
};

test.each<[Half, TinyCheckpointOptions]>([
  ['F16', {}],
  ['BF16', {}],
  ['F16', { biases: 'zero' }],
  ['BF16', { layout: 'openai' }],
  ['BF16', { objective: 'bert' }],
])('%s weights give the same bits as equal values in F32 (%j)', async (dtype, options) => {
  await using wide = await tinyCheckpoint({ ...options, ...coarseTensors });
  const directory = await mkdtemp(join(tmpdir(), 'half-igpt-'));
  await cp(wide.directory, directory, { recursive: true });
  await halve(directory, wide.tensors, dtype);
  const tokens = randomTokens(1, 2 * 16, 8);

  const results = await Promise.all(
    [wide.directory, directory].map(async (opened) => {
      const checkpoint = await openCheckpoint(opened);
      const likelihood = checkpoint.config.objective === 'ar';
      const forward = await openForward(checkpoint, {
        features: { layers: [0, 1, 2], norm: 'next', pool: 'mean' },
        classes: true,
        logits: true,
        likelihood,
      });
      const outputs = await forward.execute(tokens);
      await forward.close();
      const completed = likelihood ? await complete(checkpoint, tokens, { keep: 4, samples: 2 }) : undefined;
      return { outputs, completed, dtype: summarize(checkpoint).dtype };
    }),
  );
  await rm(directory, { recursive: true });

  expect(results[1]?.outputs).toEqual(results[0]?.outputs);
  expect(results[1]?.completed).toEqual(results[0]?.completed);
  expect(results.map((result) => result.dtype)).toEqual(['F32', `${dtype}, F32`]);
});
