import { containersMissing, openContainers } from './containers.ts';
import { imageReport } from './image-report.ts';
import { proveImage } from './prove-image.ts';

/*
 * `npm run prove:image` builds the worker's CPU image for real and runs it as the task definition says, on an emulator
 * of AWS. It needs Debian on x86-64, root, and `apt-get install buildah podman runc catatonit mmdebstrap`.
 */

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const missing = await containersMissing();
if (missing === undefined) {
  await using containers = await openContainers();
  const figures = await proveImage(containers, say);
  process.stdout.write(imageReport(figures));
  process.exitCode = figures.wrong.length === 0 ? 0 : 1;
} else {
  say(`prove:image: ${missing}`);
  process.exitCode = 2;
}
