import { join } from 'node:path';
import { z } from 'zod';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { sampleToken } from '../../../lib/image-gpt/sampling.ts';
import { type Decoder, openDecoder } from '../../../lib/runtime/decode.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, THREADS } from '../context.ts';
import { interleave, side, timed } from '../interleave.ts';
import type { Row } from '../report.ts';
import { IGPT_S, N_COLORS, scratchCheckpoint } from '../scratch-checkpoint.ts';

/** Half a picture is given, as in the paper's completions; the steps that are timed follow at once. */
const KEEP = IGPT_S.n_positions / 2;

const rows2d = z.array(z.array(z.int()));

/** Greedy tokens from the key-value cache, a step at a time, against transformers' cached generate. */
export async function sampling({ rounds, quick, peer, scratch }: BenchContext): Promise<Row[]> {
  const steps = quick ? 8 : 32;
  const directory = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), IGPT_S);
  const { config, weights } = await openCheckpoint(directory);
  const prefix = randomTokens(1, KEEP, N_COLORS);
  const rows: Row[] = [];
  for (const samples of [1, 8]) {
    // A lone sample gets company in lib/runtime/complete.ts, and so it does here.
    const batch = Math.max(2, samples);
    const decoder = await openDecoder({ config, weights }, { keep: KEEP, batch, threads: THREADS });
    const given = Int32Array.from(Array.from({ length: batch }, () => [...prefix]).flat());
    const prefixes = Array.from({ length: samples }, () => [...prefix]);
    const generate = (count: number) =>
      peer?.prepare('generate', { checkpoint: directory, prefix: prefixes, count }, THREADS);
    const long = await generate(steps + 1);
    const short = await generate(1);

    let tokens: number[] = [];
    const ours = side(steps, async () => {
      const first = await decoder.prime(given);
      return timed(async () => {
        tokens = await greedy(decoder, first, steps);
      });
    });
    // Reading the prefix is not what is compared: the same with one token is taken off.
    const theirs = long && short && side(steps, async () => (await long.run()) - (await short.run()));
    await interleave([ours, theirs], rounds);

    const expected = long && rows2d.parse(await long.result())[0];
    const equal = tokens.filter((token, i) => token === expected?.[i]).length;
    rows.push(
      comparison(
        {
          suite: 'sampling',
          name: `S, a step with ${samples} sample${samples === 1 ? '' : 's'}; theirs cached generate`,
          unit: 'ms',
          target: samples === 8 ? { value: 3 } : undefined,
          note: expected && `${equal} of ${tokens.length} greedy tokens are equal`,
        },
        ours,
        theirs,
      ),
    );
    await Promise.all([decoder.close(), long?.drop(), short?.drop()]);
  }
  return rows;
}

/** Takes the likeliest token `steps` times; the tokens of the first sample, the one after the last step included. */
async function greedy(decoder: Decoder, first: Float32Array, steps: number): Promise<number[]> {
  let logits = first; // [batch, V]
  const tokens: number[] = [];
  for (let step = 0; step <= steps; step += 1) {
    const chosen = Int32Array.from({ length: decoder.batch }, (_, i) =>
      sampleToken(logits.subarray(i * N_COLORS, (i + 1) * N_COLORS), { temperature: 0 }, () => 0),
    );
    tokens.push(chosen[0] ?? -1);
    if (step < steps) logits = await decoder.step(chosen);
  }
  return tokens;
}
