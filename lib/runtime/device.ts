import { execFile } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Provider } from '../ports/model.ts';

/** What a provider computes on. */
export interface Device {
  name: string;
  /** Bytes; undefined where nothing says. */
  memory?: number;
}

const run = promisify(execFile);

/** nvidia-smi counts in MiB. */
const MEBIBYTE = 2 ** 20;

/** The device behind a provider, as far as it can be asked: onnxruntime itself says nothing of it. */
export async function describeDevice(provider: Provider): Promise<Device> {
  switch (provider) {
    case 'cpu':
      return { name: `${cpus()[0]?.model.trim() ?? 'processor'}, ${availableParallelism()} cores`, memory: totalmem() };
    case 'cuda': {
      const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'];
      const answer = await run('nvidia-smi', query).catch(() => undefined);
      return parseSmi(answer?.stdout ?? '');
    }
    case 'webgpu':
      return { name: 'the adapter that Dawn chose' };
  }
}

/** First line of `name, MiB`. */
export function parseSmi(text: string): Device {
  const [line = ''] = text.trim().split('\n');
  const [, name, size] = /^(.+), (\d+)$/.exec(line.trim()) ?? [];
  return name === undefined ? { name: 'a CUDA device' } : { name, memory: Number(size) * MEBIBYTE };
}

/** One line: provider, device, memory, number format. */
export function deviceLine(provider: Provider, { name, memory }: Device, precision: string): string {
  const size = memory === undefined ? 'memory unknown' : `${(memory / 2 ** 30).toFixed(1)} GiB`;
  return `${provider}: ${name}, ${size}, ${precision}`;
}
