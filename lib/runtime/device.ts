import { execFile } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Provider } from '../ports/model.ts';

/** The hardware of a provider. */
export interface Device {
  name: string;
  /** Bytes, if known. */
  memory?: number | undefined;
}

const execute = promisify(execFile);

/** Unit of nvidia-smi. */
const mebibyte = 2 ** 20;

/** The device of a provider, as the system describes it: onnxruntime does not tell. */
export async function describeDevice(provider: Provider): Promise<Device> {
  switch (provider) {
    case 'cpu':
      return { name: `${cpus()[0]?.model.trim() ?? 'processor'}, ${availableParallelism()} cores`, memory: totalmem() };
    case 'cuda': {
      const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'];
      const answer = await execute('nvidia-smi', query).catch(() => undefined);
      return parseSmi(answer?.stdout ?? '');
    }
    case 'webgpu':
      return { name: 'the adapter that Dawn chose' };
  }
}

/** The first line of nvidia-smi's answer, `name, MiB`. */
export function parseSmi(text: string): Device {
  const [line = ''] = text.trim().split('\n');
  const [, name, size] = /^(.+), (\d+)$/.exec(line.trim()) ?? [];
  return name === undefined ? { name: 'a CUDA device' } : { name, memory: Number(size) * mebibyte };
}

/** One line with provider, device, memory and number format. */
export function deviceLine(provider: Provider, { name, memory }: Device, precision: string): string {
  const size = memory === undefined ? 'memory unknown' : `${(memory / 2 ** 30).toFixed(1)} GiB`;
  return `${provider}: ${name}, ${size}, ${precision}`;
}
