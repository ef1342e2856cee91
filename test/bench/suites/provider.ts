import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import type { Precision, Provider } from '../../../lib/ports/model.ts';
import { describeDevice, deviceLine } from '../../../lib/runtime/device.ts';
import { openForward } from '../../../lib/runtime/forward.ts';
import { inPrecision } from '../../../lib/runtime/precision.ts';
import { randomTokens } from '../../support/tiny-checkpoint.ts';
import { comparison } from '../comparison.ts';
import { type BenchContext, benchThreads, nanoDirectory } from '../context.ts';
import { interleave, side, timed } from '../interleave.ts';
import { matMulPeak } from '../matmul-peak.ts';
import type { Row } from '../report.ts';
import { igptS, type ScratchShape, scratchCheckpoint } from '../scratch-checkpoint.ts';

const run = promisify(execFile);

/** Batch sizes on a GPU. */
const gpuBatchSizes = [32, 128] as const;

/** Number formats of each provider. */
const precisionsOf: Readonly<Record<Provider, readonly Precision[]>> = {
  cpu: ['f32', 'int8', 'int8-block'],
  cuda: ['f32', 'f16'],
  webgpu: ['f32', 'f16'],
};

/**
 * All layers of iGPT-S (with --quick: igpt-nano) on one provider: pictures/s, operations per second against the
 * provider's fastest matrix product, and memory.
 */
export async function provider({ rounds, quick, provider, scratch, say }: BenchContext): Promise<Row[]> {
  const directory = quick ? nanoDirectory : await scratchCheckpoint(join(scratch, 'igpt-s-no-biases'), igptS);
  const checkpoint = await openCheckpoint(directory);
  const { n_layer, n_positions, n_colors } = checkpoint.config;
  const device = await describeDevice(provider);
  const rows: Row[] = [];
  for (const precision of precisionsOf[provider]) {
    say(deviceLine(provider, device, precision));
    const { checkpoint: model } = await inPrecision(checkpoint, precision, { folder: join(scratch, 'derived') });
    const half = precision === 'f16';
    const peak = await matMulPeak(benchThreads, true, { provider, half });
    for (const batch of provider === 'cpu' ? [1] : quick ? [4] : gpuBatchSizes) {
      const request = { features: { layers: [n_layer], norm: 'raw', pool: 'mean' } } as const;
      const forward = await openForward(model, request, { provider, batch, threads: benchThreads });
      const tokens = Uint16Array.from(
        Array.from({ length: batch }, (_, i) => [...randomTokens(i, n_positions, n_colors)]).flat(),
      );
      const pictures = side(batch, () => timed(() => forward.execute(tokens)));
      await interleave([pictures, peak], rounds);
      const used = await memoryUsed(provider);
      await forward.close();
      const flops = { ...pictures, items: batch * n_layer * causalFlops(checkpoint.config) };
      const name = `${quick ? 'nano' : 'S'}, ${provider}, ${precision}, ${batch} side by side`;
      rows.push(
        comparison({ suite: 'provider', name, unit: 'pictures/s', note: used }, pictures, undefined),
        comparison(
          { suite: 'provider', name: `${name}; theirs peak matmul ${half ? 'f16' : 'f32'}`, unit: 'GFLOP/s' },
          flops,
          peak,
        ),
      );
    }
  }
  return rows;
}

/** Operations of one block for one picture (2 for a multiply-add): matrices, and attention to earlier tokens. */
function causalFlops({ n_embd: d, n_positions: n }: Pick<ScratchShape, 'n_embd' | 'n_positions'>): number {
  return 2 * n * 12 * d * d + 2 * 2 * d * ((n * (n + 1)) / 2);
}

/** Memory in use, for people: that of this process, or all of the GPU's. */
async function memoryUsed(provider: Provider): Promise<string> {
  if (provider !== 'cuda') return `${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB in this process`;
  const answer = await run('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader']).catch(() => undefined);
  return `${answer?.stdout.trim().split('\n')[0] ?? 'unknown'} on the device`;
}
