import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const assetsFile = z.object({
  dockerImages: z
    .record(
      z.string(),
      z.object({
        source: z.object({
          directory: z.string(),
          dockerFile: z.string(),
          dockerBuildTarget: z.string(),
          dockerBuildArgs: z.record(z.string(), z.string()).optional(),
          platform: z.string(),
        }),
      }),
    )
    .default({}),
});

/** A Docker image that `cdk deploy` builds. */
export interface DockerAsset {
  /** Hash of the files and settings; the image's tag. */
  hash: string;
  /** Folder that CDK has staged: the build context. */
  folder: string;
  source: { dockerFile: string; dockerBuildTarget: string; dockerBuildArgs?: Record<string, string> | undefined };
}

/** The Docker images of a synthesized stack. */
export function readDockerAssets(directory: string): DockerAsset[] {
  const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.assets.json'));
  const { dockerImages } = assetsFile.parse(JSON.parse(readFileSync(join(directory, file), 'utf8')));
  return Object.entries(dockerImages).map(([hash, { source }]) => ({
    hash,
    folder: join(directory, source.directory),
    source,
  }));
}
