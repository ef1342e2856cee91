import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Time limit of `nvidia-smi` (milliseconds). */
const timeoutMs = 10_000;

/** Reports the bytes in use on the fullest GPU, now and every `everyMs`. Does nothing on a machine without a GPU. */
export async function watchGpuMemory(report: (bytes: number) => void, everyMs: number): Promise<void> {
  const used = await gpuMemory();
  if (used === undefined) return;
  report(used);
  setTimeout(() => void watchGpuMemory(report, everyMs), everyMs).unref();
}

/**
 * Bytes in use as NVIDIA's driver reports them. Undefined if `nvidia-smi` is not on the PATH or prints no number. NVIDIA's
 * container runtime puts `nvidia-smi` into the container.
 */
async function gpuMemory(): Promise<number | undefined> {
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
  try {
    const { stdout } = await run('nvidia-smi', query, { timeout: timeoutMs });
    // One line per GPU, in MiB.
    const used = stdout.split('\n').flatMap((line) => (/^\s*\d+\s*$/.test(line) ? [Number(line) * 1024 ** 2] : []));
    return used.length === 0 ? undefined : Math.max(...used);
  } catch {
    // The dashboard then lacks a number, which is no reason to stop.
    return undefined;
  }
}
