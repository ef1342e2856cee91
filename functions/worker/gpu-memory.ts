import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What cannot be answered in this time is not worth waiting for, milliseconds. */
const timeoutMs = 10_000;

/** Reports the bytes in use on the fullest GPU, now and every `everyMs`, as long as the process lives and has a GPU. */
export async function watchGpuMemory(report: (bytes: number) => void, everyMs: number): Promise<void> {
  const used = await gpuMemory();
  if (used === undefined) return;
  report(used);
  setTimeout(() => void watchGpuMemory(report, everyMs), everyMs).unref();
}

/**
 * Bytes as NVIDIA's driver gives them; undefined where there is no `nvidia-smi` on the PATH, or it answers with no
 * number. NVIDIA's container runtime puts it into the container.
 */
async function gpuMemory(): Promise<number | undefined> {
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
  try {
    const { stdout } = await run('nvidia-smi', query, { timeout: timeoutMs });
    // A line for each GPU, in MiB.
    const used = stdout.split('\n').flatMap((line) => (/^\s*\d+\s*$/.test(line) ? [Number(line) * 1024 ** 2] : []));
    return used.length === 0 ? undefined : Math.max(...used);
  } catch {
    // A number less on the dashboard is no reason to stop.
    return undefined;
  }
}
