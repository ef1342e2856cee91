import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openTokenizerFiles } from '../../../lib/checkpoint/checkpoint.ts';
import { type DecodeSettings, decodePicture, restrictLibvips } from '../../../lib/decode/decode-picture.ts';
import { openDecoder } from '../../../lib/decode/decoder-pool.ts';
import { createQuantizer, type Quantizer } from '../../../lib/image-gpt/quantizer.ts';
import { comparison } from '../comparison.ts';
import type { BenchContext } from '../context.ts';
import { interleave, side, timed } from '../interleave.ts';
import { onOneCore } from '../one-core.ts';
import { largePicture, pictureFolder } from '../pictures.ts';
import type { Row, Target } from '../report.ts';
import { igptS, scratchCheckpoint } from '../scratch-checkpoint.ts';

/** Largest picture of `igpt run` (pixels). */
const maxPixels = 100_000_000;

interface Case {
  name: string;
  pictures: readonly string[];
  scaledDecoding: boolean;
  target: Target;
}

/**
 * From a JPEG file to 1,024 tokens on one core, against Hugging Face's processor on PIL (its other one needs
 * torchvision).
 */
export async function preprocess(context: BenchContext): Promise<Row[]> {
  const { scratch, quick } = context;
  const small = await pictureFolder(join(scratch, 'pictures-640x427-40'), 40, 640, 427);
  const names = (await readdir(small)).toSorted().slice(0, quick ? 10 : 40);
  const camera = await largePicture(join(scratch, 'camera-4000x3000.jpg'), 4000, 3000);
  const cases: Case[] = [
    {
      name: '640x427 JPEG',
      pictures: names.map((name) => join(small, name)),
      scaledDecoding: false,
      target: { value: 1.5 },
    },
    { name: '4000x3000 JPEG, scaled', pictures: [camera, camera], scaledDecoding: true, target: { value: 5 } },
  ];
  restrictLibvips(false);
  const { peer, say } = context;
  return onOneCore([process.pid, ...(peer ? [peer.pid] : [])], async (held) => {
    if (!held) say('preprocess: there is no taskset, so both sides run on any number of cores');
    const rows: Row[] = [];
    for (const one of cases) rows.push(...(await measure(context, one)));
    return rows;
  });
}

type Decode = (bytes: Uint8Array) => Promise<{ rgb: Uint8Array }>;

async function measure({ rounds, peer, scratch }: BenchContext, one: Case): Promise<Row[]> {
  const checkpoint = await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS);
  const { preprocessing } = await openTokenizerFiles(checkpoint);
  if (preprocessing === undefined) throw new Error(`Expected a palette in ${checkpoint}, found none`);
  const { palette, ...recipe } = preprocessing;
  const quantize = createQuantizer(palette);
  const { pictures, scaledDecoding } = one;
  const settings: DecodeSettings = { recipe, maxPixels: maxPixels, allowSvg: false, scaledDecoding };
  const inThisProcess: Decode = (bytes) => decodePicture(bytes, settings);
  const decoder = openDecoder(recipe, { size: 1, scaledDecoding });
  const inChild: Decode = (bytes) => decoder.decode(bytes);
  const theirs = await peer?.prepare('processor', { checkpoint, pictures }, 1);

  const ourSide = (decode: Decode, atOnce: number) =>
    side(pictures.length, () => timed(() => tokensOf(pictures, decode, quantize, atOnce)));
  const oneByOne = ourSide(inChild, 1);
  const oneAhead = ourSide(inChild, 2);
  const inProcess = ourSide(inThisProcess, 1);
  const theirSide = theirs && side(pictures.length, theirs.run);
  await interleave([oneByOne, theirSide, inProcess, oneAhead], rounds);

  const exact = await tokensOf(
    pictures,
    (bytes) => decodePicture(bytes, { ...settings, scaledDecoding: false }),
    quantize,
  );
  const notes = [
    ...(scaledDecoding
      ? [`scaled decoding changes ${differing(await tokensOf(pictures, inChild, quantize), exact)}`]
      : []),
    ...(theirs === undefined
      ? []
      : [
          `exact decoding differs from theirs in ${differing(exact, z.array(z.array(z.int())).parse(await theirs.result()))}`,
        ]),
  ];
  await decoder.close();
  await theirs?.drop();

  const what = { suite: 'preprocess', unit: 'ms', target: one.target } as const;
  const note = notes.length > 0 ? notes.join('; ') : undefined;
  return [
    comparison({ ...what, name: `${one.name}, in a child process, one at a time`, note }, oneByOne, theirSide),
    comparison({ ...what, name: `${one.name}, in a child process, one ahead` }, oneAhead, theirSide),
    comparison({ ...what, name: `${one.name}, in this process` }, inProcess, theirSide),
  ];
}

/** @param atOnce number of pictures that are read or decoded at the same time */
async function tokensOf(
  pictures: readonly string[],
  decode: Decode,
  quantize: Quantizer,
  atOnce = 1,
): Promise<Uint16Array[]> {
  const tokens: Uint16Array[] = [];
  const rest = pictures.entries();
  const lanes = Array.from({ length: atOnce }, async () => {
    for (const [i, picture] of rest) tokens[i] = quantize((await decode(await readFile(picture))).rgb);
  });
  await Promise.all(lanes);
  return tokens;
}

/** Number of differing tokens, as `3 of 1024 tokens`. */
function differing(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): string {
  let count = 0;
  let all = 0;
  for (const [i, tokens] of a.entries()) {
    for (let j = 0; j < tokens.length; j += 1) if (tokens[j] !== b[i]?.[j]) count += 1;
    all += tokens.length;
  }
  return `${count} of ${all} tokens`;
}
