import type { Job, JobSettings, ManifestPicture } from '../../lib/contracts/job.ts';
import { parquetShards } from '../../lib/jobs/parquet/shard-file.ts';
import { planJob } from '../../lib/jobs/plan-job.ts';
import { type RunShardsOptions, type RunShardsResult, runShards } from '../../lib/jobs/run-shards.ts';
import type { ObjectStore } from '../../lib/ports/object-store.ts';
import { createFakeDecoder, createFakeModel } from './fake-model.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from './memory-object-store.ts';
import { createVirtualClock } from './virtual-clock.ts';

export const fakeSettings: JobSettings = {
  store: '/pictures',
  source: 'pictures',
  model: 'fake-1',
  model_options: {
    outputs: ['classification', 'features', 'likelihood'],
    feature_layer: 1,
    feature_norm: 'next',
    input: 'sos',
    precision: 'f32',
    provider: 'cpu',
    scaled_decoding: false,
    prepack: false,
  },
  decoding: { allow_svg: false, max_megapixels: 100, max_megabytes: 50 },
  shard_size: 4,
};

/** A job in memory, with a decoder and a model that tell text files apart. */
/** A job of four shards. */
export const fakeJob: Job = {
  schema_version: 1,
  id: '0123456789abcdef',
  settings: fakeSettings,
  pictures: 38,
  shards: Array.from({ length: 4 }, (_, i) => ({ pictures: i === 3 ? 8 : 10, manifest: `${i}` })),
};

export function createJobWorld(settings: JobSettings = fakeSettings) {
  const clock = createVirtualClock();
  const input = createMemoryObjectStore(clock);
  const output = createMemoryObjectStore(clock);
  async function* pictures(): AsyncGenerator<ManifestPicture> {
    for await (const { key, etag } of input.list()) yield { key, etag };
  }
  return {
    clock,
    input,
    output,
    async put(key: string, text: string): Promise<void> {
      await input.put(key, new TextEncoder().encode(text));
    },
    plan: (to: ObjectStore = output) => planJob({ output: to, settings, pictures: pictures() }),
    async options(changes: Partial<RunShardsOptions> = {}): Promise<RunShardsOptions> {
      const to = changes.output ?? output;
      return {
        input,
        output: to,
        clock,
        format: parquetShards,
        decoder: createFakeDecoder(),
        model: createFakeModel(),
        job: await planJob({ output: to, settings, pictures: pictures() }),
        maxPictureBytes: 1000,
        decoding: 2,
        predicting: 2,
        maxFailureRate: 0.5,
        signal: new AbortController().signal,
        ...changes,
      };
    },
    async run(changes: Partial<RunShardsOptions> = {}): Promise<RunShardsResult> {
      return runShards(await this.options(changes));
    },
  };
}

/** Ten pictures, of which p7.jpg is damaged. */
export async function tenPictures() {
  const world = createJobWorld();
  for (let i = 0; i < 10; i += 1) await world.put(`p${i}.jpg`, i === 7 ? 'bad one' : `good ${i}`);
  return world;
}

/** Content of a job's output by key, without the summary, which holds times. */
export function outputOf(store: MemoryObjectStore): Record<string, string> {
  const entries = [...store.objects].filter(([key]) => key !== '_summary.json');
  return Object.fromEntries(
    entries
      .map(([key, { body }]) => [key, Buffer.from(body).toString('base64')] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
