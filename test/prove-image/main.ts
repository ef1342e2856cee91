import { parseArgs } from 'node:util';
import { type Containers, containersMissing, openContainers } from './containers.ts';
import { imageReport } from './image-report.ts';
import { imageSizes, sizeLine } from './image-sizes.ts';
import { proveCudaImage } from './prove-cuda-image.ts';
import { proveImage } from './prove-image.ts';
import { standInBase } from './stand-in-base.ts';

/*
 * `npm run prove:image` builds the worker's CPU image for real and runs it as the task definition says, on an emulator
 * of AWS. It needs Debian on x86-64, root, and `apt-get install buildah podman runc catatonit mmdebstrap`.
 *
 * `npm run prove:image -- --cuda` builds the GPU image, with stand-ins for what comes from NVIDIA and NuGet, and starts
 * its worker without a GPU. CI does not run it: it downloads 0.7 GB, and takes 8 GB of memory.
 */

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const { cuda } = parseArgs({ options: { cuda: { type: 'boolean', default: false } } }).values;
const missing = await containersMissing(cuda ? 8 : undefined);
if (missing === undefined) {
  await using containers = await openContainers();
  process.exitCode = (await (cuda ? cudaImage : cpuImages)(containers)) ? 0 : 1;
} else {
  say(`prove:image: ${missing}`);
  process.exitCode = 2;
}

/** Whether all is right. */
async function cpuImages(containers: Containers): Promise<boolean> {
  const figures = await proveImage(containers, say);
  process.stdout.write(imageReport(figures));
  say(`worker’s image: ${sizeLine(await imageSizes(containers, figures.workerImage, standInBase))}`);
  return figures.wrong.length === 0;
}

/** Whether all is right. */
async function cudaImage(containers: Containers): Promise<boolean> {
  const { sizes, endSeconds, said, wrong } = await proveCudaImage(containers, say);
  say(`GPU image: ${sizeLine(sizes)}`);
  say(`without a driver, the worker ended after ${endSeconds.toFixed(1)} s:\n${said}`);
  for (const line of wrong) say(`wrong: ${line}`);
  return wrong.length === 0;
}
