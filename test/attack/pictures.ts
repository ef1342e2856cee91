import { readFile } from 'node:fs/promises';
import { failureCode } from '../../lib/contracts/field-types.ts';
import { decoderDefaults, openDecoder } from '../../lib/decode/decoder-pool.ts';
import { createQuantizer } from '../../lib/image-gpt/quantizer.ts';
import { createRandom } from '../../lib/image-gpt/random.ts';
import type { Recipe } from '../../lib/image-gpt/recipe.ts';
import { PictureError } from '../../lib/ports/error.ts';
import { descendants, statusBytes } from '../support/process-tree.ts';
import { type Attack, type Played, pick, type Random } from './attack.ts';
import { mutate } from './mutate.ts';
import { seedPictures } from './seed-pictures.ts';

const recipe: Recipe = { width: 16, height: 16, resample: 2, crop: 'none' };
const colors = 64;

const decoders = 2;

/** Memory of one child (bytes), the decoder's default. */
const maxMemoryBytes = 1024 ** 3;

/** A child may exceed its limit between two of its checks, which are 25 ms apart (bytes). */
const excessBytes = 512 * 2 ** 20;

/** Time for the three pictures of a case (milliseconds): each may be decoded twice, and two children may start. */
const caseMs = 6 * decoderDefaults.timeoutMs + 60_000;

/**
 * Damaged pictures of every format that is read. Invariants:
 *
 * - An answer is tokens in the palette, as many as the model takes, or a PictureError with a code of the contract.
 * - Asked twice, the answers are the same. A good picture between them has its exact tokens.
 * - No picture crashes the decoder. No child takes more memory than allowed, or outlives the decoder.
 */
export async function openPictures(): Promise<Attack> {
  const seeds = await seedPictures();
  const names = [...seeds.keys()];
  const random = createRandom(3, 3);
  const quantize = createQuantizer(Float32Array.from({ length: colors * 3 }, () => 2 * random() - 1));
  const decoder = openDecoder(recipe, { size: decoders, maxMemoryBytes });

  async function answer(bytes: Uint8Array): Promise<string> {
    try {
      const { format, width, height, rgb } = await decoder.decode(bytes);
      const tokens = quantize(rgb);
      if (tokens.length !== recipe.width * recipe.height || tokens.some((token) => token >= colors))
        return `invalid tokens: ${tokens.join(' ')}`;
      return `${format} ${width}x${height} ${tokens.join(' ')}`;
    } catch (error) {
      if (error instanceof PictureError && failureCode.safeParse(error.code).success) return `error ${error.code}`;
      return `invalid error: ${String(error)}`;
    }
  }

  const exact = new Map<string, string>();
  for (const [name, bytes] of seeds) {
    const tokens = await answer(bytes);
    if (/^(error|invalid)/.test(tokens)) throw new Error(`Expected tokens of the valid ${name}, received ${tokens}`);
    exact.set(name, tokens);
  }

  async function play(_: number, random: Random): Promise<Played> {
    const [name, other, good] = [pick(random, names), pick(random, names), pick(random, names)];
    const bytes = mutate(bytesOf(seeds, name), bytesOf(seeds, other), random);
    const began = Date.now();
    const [first, between, second] = await Promise.all([answer(bytes), answer(bytesOf(seeds, good)), answer(bytes)]);
    const ms = Date.now() - began;
    const wrong: string[] = [];
    for (const one of [first, second]) {
      if (/^invalid|^error (decode_crashed|internal_error)$/.test(one)) wrong.push(`${name}: ${one}`);
    }
    // Whether a slow picture ends in time depends on the machine.
    if (first !== second && ![first, second].includes('error decode_timeout'))
      wrong.push(`${name}: two answers, ${first.slice(0, 100)} and ${second.slice(0, 100)}`);
    if (between !== exact.get(good)) wrong.push(`the good ${good} beside it: ${between}`);
    if (ms > caseMs) wrong.push(`${name}: took ${ms} ms`);
    wrong.push(...(await excesses()));
    const [word = ''] = first.split(' ');
    return { outcome: first.startsWith('error') ? first.slice(6) : `read as ${word}`, wrong, files: { [name]: bytes } };
  }

  return {
    unit: 'pictures',
    play,
    async finish() {
      await decoder.close();
      return (await children()).map((pid) => `child process ${pid} is left`);
    },
    [Symbol.asyncDispose]: () => decoder.close(),
  };
}

/** Children that are too many, or that took too much memory. */
async function excesses(): Promise<string[]> {
  const pids = await children();
  const peaks = await Promise.all(pids.map((pid) => statusBytes(pid, 'VmHWM')));
  const large = peaks.filter((peak = 0) => peak > maxMemoryBytes + excessBytes);
  return [
    ...large.map((peak) => `a child took ${peak} bytes of memory`),
    ...(pids.length > decoders ? [`expected ${decoders} children, found ${pids.length}`] : []),
  ];
}

/** Decoders that this process started. */
async function children(): Promise<number[]> {
  const pids = await descendants(process.pid);
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return pids.filter((_, i) => commands[i]?.includes('decode-child'));
}

function bytesOf(files: ReadonlyMap<string, Buffer>, name: string): Buffer {
  return files.get(name) ?? Buffer.alloc(0);
}
