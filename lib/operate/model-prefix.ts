import type { S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { createS3Store } from '../aws/s3-store.ts';
import { folderPrefix, parseS3Location } from '../contracts/s3-location.ts';
import type { Clock } from '../ports/clock.ts';
import { commandError } from './command-error.ts';

/** The files at a model's `s3://bucket/prefix`. */
export interface ModelPrefix {
  /** Missing files of the checkpoint. */
  missing: string[];
  /** Size of the files that exist. */
  bytes: number;
}

const shardIndex = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * Checks whether a checkpoint is complete, without downloading its weights.
 *
 * @throws {CommandError} when the bucket cannot be listed
 */
export async function readModelPrefix(client: S3Client, location: string, clock: Clock): Promise<ModelPrefix> {
  const { bucket, path } = parseS3Location(location) ?? { bucket: '', path: '' };
  const prefix = folderPrefix(path);
  const store = createS3Store({ client, bucket, clock });
  try {
    const sizes = new Map<string, number>();
    for await (const { key, size } of store.list({ prefix })) sizes.set(key.slice(prefix.length), size);
    const needed = ['config.json', 'preprocessor_config.json', ...(await weightFiles())];
    const bytes = needed.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
    return { missing: needed.filter((name) => (sizes.get(name) ?? 0) === 0), bytes };

    async function weightFiles(): Promise<string[]> {
      const indexFile = 'model.safetensors.index.json';
      if (sizes.has('model.safetensors') || !sizes.has(indexFile)) return ['model.safetensors'];
      const read = await store.get(`${prefix}${indexFile}`);
      const text = read.status === 'found' ? new TextDecoder().decode(read.body) : '';
      const parsed = shardIndex.safeParse(parseJson(text));
      // An unreadable index counts as missing.
      return parsed.success ? [...new Set(Object.values(parsed.data.weight_map))] : [indexFile];
    }
  } catch (error) {
    throw commandError(`read ${location}`, error);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
