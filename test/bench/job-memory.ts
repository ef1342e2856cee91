import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { openTokenizerFiles } from '../../lib/checkpoint/checkpoint.ts';
import type { Model } from '../../lib/ports/model.ts';
import type { ObjectStore, StoredObject } from '../../lib/ports/object-store.ts';
import type { PictureDecoder } from '../../lib/ports/picture-decoder.ts';
import { blindModel } from './blind-model.ts';
import { nanoDirectory } from './context.ts';
import { inOwnProcess } from './own-process.ts';
import { runJob } from './run-job.ts';

const request = z.object({
  pictures: z.number(),
  /** Rows in a shard. */
  shardSize: z.number(),
});

const report = z.object({
  /** Peak resident memory of the process (bytes). */
  peak: z.number(),
  seconds: z.number(),
});

type JobMemoryRequest = z.infer<typeof request>;
type JobMemoryReport = z.infer<typeof report>;

/** Runs a job of generated pictures, with a model that computes nothing, into real shards of 512 features. */
export async function measureJob(options: JobMemoryRequest): Promise<JobMemoryReport> {
  return inOwnProcess(import.meta.filename, [JSON.stringify(options)], report);
}

async function run({ pictures, shardSize }: JobMemoryRequest): Promise<JobMemoryReport> {
  const { preprocessing } = await openTokenizerFiles(nanoDirectory);
  if (preprocessing === undefined) throw new Error(`Expected a palette in ${nanoDirectory}, found none`);
  const out = await mkdtemp(join(tmpdir(), 'igpt-bench-'));
  const start = performance.now();
  try {
    await runJob({
      input: generatedStore(pictures),
      name: 'generated',
      out,
      decoder: greyDecoder(preprocessing),
      model: blindModel(preprocessing),
      shardSize,
      decoding: 4,
      predicting: 8,
    });
  } finally {
    await rm(out, { recursive: true, force: true });
  }
  return { peak: process.resourceUsage().maxRSS * 1024, seconds: (performance.now() - start) / 1000 };
}

/** A read-only store with this number of objects of 3 KB. */
function generatedStore(pictures: number): ObjectStore {
  const body = new Uint8Array(3000);
  const object = (key: string): StoredObject => ({ key, etag: '"1"', size: body.length, lastModified: new Date(0) });
  const refuse = () => Promise.reject(new Error('Expected only reads of this store, received a write'));
  return {
    async *list() {
      for (let i = 0; i < pictures; i += 1) yield object(`pictures/${String(i).padStart(9, '0')}.jpg`);
    },
    head: async (key) => object(key),
    get: async (key) => ({ status: 'found', object: object(key), body: Uint8Array.from(body) }),
    put: refuse,
    delete: refuse,
  };
}

function greyDecoder({ width, height }: Model['preprocessing']): PictureDecoder {
  return {
    decode: async () => ({ format: 'jpeg', width, height, rgb: new Uint8Array(width * height * 3).fill(128) }),
  };
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await run(request.parse(JSON.parse(process.argv[2] ?? '')))));
}
