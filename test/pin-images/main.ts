import { join } from 'node:path';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { pinImages } from './pin-images.ts';

/*
 * `npm run pin:images` pins the base images of the worker's Dockerfile by their present digests, or refreshes the digests.
 * It asks their registries, without a login. Give another Dockerfile as the only argument.
 */
const [dockerfile = join(repositoryRoot, 'functions/worker/Dockerfile')] = process.argv.slice(2);
try {
  for (const line of await pinImages(dockerfile)) console.log(line);
} catch (error) {
  console.error(`pin:images: ${error instanceof Error ? error.message : error}; nothing was changed`);
  process.exitCode = 1;
}
