import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Containers } from './containers.ts';

const index = z.object({ manifests: z.tuple([z.object({ digest: z.string() })]) });
const manifest = z.object({ layers: z.array(z.object({ size: z.number() })) });

/** Sizes of an image and of its base, which is a stand-in (bytes). */
export interface ImageSizes {
  unpacked: number;
  unpackedBase: number;
  /** Layers compressed with gzip, as a registry stores them. */
  compressed: number;
  compressedBase: number;
}

export async function imageSizes(containers: Containers, image: string, base: string): Promise<ImageSizes> {
  const folder = join(containers.folder, `sizes of ${image.replaceAll('/', '-')}`);
  await containers.buildah('push', image, `oci:${folder}`);
  const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(folder, path), 'utf8'));
  const [{ digest }] = index.parse(await json('index.json')).manifests;
  const { layers } = manifest.parse(await json(join('blobs', ...digest.split(':'))));
  const number = async (name: string, format: string): Promise<number> =>
    Number(await containers.podman('image', 'inspect', '--format', format, name));
  const sum = (some: typeof layers): number => some.reduce((bytes, { size }) => bytes + size, 0);
  return {
    unpacked: await number(image, '{{.Size}}'),
    unpackedBase: await number(base, '{{.Size}}'),
    compressed: sum(layers),
    compressedBase: sum(layers.slice(0, await number(base, '{{len .RootFS.Layers}}'))),
  };
}

/** An image's sizes as a line, without its stand-in base. */
export function sizeLine({ unpacked, unpackedBase, compressed, compressedBase }: ImageSizes): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  return `${megabytes(unpacked)}, compressed ${megabytes(compressed)}; of that ${megabytes(unpacked - unpackedBase)} and ${megabytes(compressed - compressedBase)} without the stand-in`;
}
