import { readFile, writeFile } from 'node:fs/promises';
import { readDigest } from './image-digest.ts';

/** The default of a base image in a Dockerfile: `ARG NODE_IMAGE=name:tag@sha256:…`. */
const baseImage = /^(ARG \w+_IMAGE=)([^\s@]+)(?:@(sha256:[0-9a-f]{64}))?$/gm;

/**
 * Writes the present digest of every base image into a Dockerfile, behind its tag, or nothing at all when one of them
 * cannot be had. Docker pulls by the digest then; the tag tells people what it is, and this script what to ask for.
 *
 * @returns a line for each image
 */
export async function pinImages(dockerfile: string): Promise<string[]> {
  const text = await readFile(dockerfile, 'utf8');
  const found = [...text.matchAll(baseImage)];
  if (found.length === 0) throw new Error(`${dockerfile}: expected lines ARG …_IMAGE=name:tag, found none`);
  const pins = new Map<string, { line: string; digest: string }>();
  for (const [whole, , image = '', before] of found) {
    const digest = await readDigest(image);
    const change = before === digest ? 'as before' : before === undefined ? 'new' : `before ${before}`;
    pins.set(whole, { digest, line: `${image}@${digest} (${change})` });
  }
  await writeFile(
    dockerfile,
    text.replaceAll(
      baseImage,
      (whole, argument: string, image: string) => `${argument}${image}@${pins.get(whole)?.digest}`,
    ),
  );
  return [...pins.values()].map(({ line }) => line);
}
