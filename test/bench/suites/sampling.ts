import { join } from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { sampleToken } from '../../../lib/image-gpt/sampling.ts';
import { type Decoder, openDecoder } from '../../../lib/runtime/decode.ts';
import { inPrecision } from '../../../lib/runtime/precision.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, benchThreads } from '../context.ts';
import { interleave, side, timed } from '../interleave.ts';
import type { Row } from '../report.ts';
import { igptS, paletteColors, scratchCheckpoint } from '../scratch-checkpoint.ts';

/** Number of given tokens: half a picture, as in the paper's completions. The timed steps follow them. */
const keptTokens = igptS.n_positions / 2;

const rows2d = z.array(z.array(z.int()));

/** Greedy tokens with the key-value cache, step by step, against transformers' cached generate. */
export async function sampling({ rounds, quick, peer, scratch }: BenchContext): Promise<Row[]> {
  const steps = quick ? 8 : 32;
  const directory = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS);
  const checkpoint = await openCheckpoint(directory);
  const { config, weights } = checkpoint;
  const { checkpoint: blocks } = await inPrecision(checkpoint, 'int8-block', { folder: join(scratch, 'derived') });
  const prefix = randomTokens(1, keptTokens, paletteColors);
  const rows: Row[] = [];
  for (const samples of [1, 8]) {
    // At least two, as in lib/runtime/complete.ts.
    const batch = Math.max(2, samples);
    const decoder = await openDecoder({ config, weights }, { keep: keptTokens, batch, threads: benchThreads });
    const narrow = await openDecoder(blocks, { keep: keptTokens, batch, threads: benchThreads });
    const given = Int32Array.from(Array.from({ length: batch }, () => [...prefix]).flat());
    const prefixes = Array.from({ length: samples }, () => [...prefix]);
    const generate = (count: number) =>
      peer?.prepare('generate', { checkpoint: directory, prefix: prefixes, count }, benchThreads);
    const long = await generate(steps + 1);
    const short = await generate(1);

    const decode = (one: Decoder) => {
      const result = { tokens: [] as number[] };
      const measured = side(steps, async () => {
        const first = await one.prime(given);
        return timed(async () => {
          result.tokens = await greedy(one, first, steps);
        });
      });
      return { result, measured };
    };
    const { result: exact, measured: ours } = decode(decoder);
    const { result: rounded, measured: oursNarrow } = decode(narrow);
    // Subtract the time of one token, so that reading the prefix does not count.
    const theirs = long && short && side(steps, async () => (await long.run()) - (await short.run()));
    await interleave([ours, theirs, oursNarrow], rounds);

    const expected = long && rows2d.parse(await long.result())[0];
    const equal = (tokens: readonly number[]) =>
      expected &&
      `${tokens.filter((token, i) => token === expected[i]).length} of ${tokens.length} greedy tokens are equal`;
    const target = samples === 8 ? { value: 3 } : undefined;
    const what = `a step with ${samples} sample${samples === 1 ? '' : 's'}; theirs cached generate`;
    rows.push(
      comparison(
        { suite: 'sampling', name: `S, ${what}`, unit: 'ms', target, note: equal(exact.tokens) },
        ours,
        theirs,
      ),
      comparison(
        { suite: 'sampling', name: `S in int8-block, ${what}`, unit: 'ms', target, note: equal(rounded.tokens) },
        oursNarrow,
        theirs,
      ),
    );
    await Promise.all([decoder.close(), narrow.close(), long?.drop(), short?.drop()]);
  }
  return rows;
}

/** Takes the most probable token in each step. Returns the `steps` + 1 tokens of the first sample. */
async function greedy(decoder: Decoder, first: Float32Array, steps: number): Promise<number[]> {
  let logits = first; // [batch, V]
  const tokens: number[] = [];
  for (let step = 0; step <= steps; step += 1) {
    const chosen = Int32Array.from({ length: decoder.batch }, (_, i) =>
      sampleToken(logits.subarray(i * paletteColors, (i + 1) * paletteColors), { temperature: 0 }, () => 0),
    );
    tokens.push(chosen[0] ?? -1);
    if (step < steps) logits = await decoder.step(chosen);
  }
  return tokens;
}
