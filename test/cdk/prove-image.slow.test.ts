import { afterAll, describe, expect, test } from 'vitest';
import { type Containers, containersMissing, openContainers } from '../prove-image/containers.ts';
import { imageReport } from '../prove-image/image-report.ts';
import { proveImage } from '../prove-image/prove-image.ts';
import { motoMissing } from '../support/moto.ts';

const missing = (await containersMissing()) ?? (await motoMissing());

/** Takes about three minutes of two cores; ten where the machine has other work (milliseconds). */
const timeout = 20 * 60_000;

describe.skipIf(missing !== undefined)(`the CPU images${missing === undefined ? '' : `: ${missing}`}`, () => {
  let containers: Containers | undefined;
  afterAll(() => containers?.[Symbol.asyncDispose]());

  test(
    'run as the template says: worker, data-set job and training are stopped with SIGTERM and lose nothing',
    async () => {
      containers = await openContainers();
      const figures = await proveImage(containers, () => {});
      process.stdout.write(imageReport(figures));

      expect(figures.wrong).toEqual([]);
      expect(figures.worker).toMatchObject({ killed: 'worker-1', deadLetters: 0, verdict: { right: 300 } });
      expect(figures.worker.tasks.length).toBeGreaterThanOrEqual(2);
      expect(figures.batch).toMatchObject({ pictures: 300, shards: 2 });
      expect(figures.bytes.training).toBeGreaterThan(figures.bytes.worker);
    },
    timeout,
  );
});
