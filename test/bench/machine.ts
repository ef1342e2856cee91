import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/** The machine that the figures were measured on. */
export interface Machine {
  cpu: string;
  cores: number;
  /** GiB. */
  memory: number;
  /** 1-minute load average at the start. Above about 0.5, other programs were running. */
  load: number;
  node: string;
  onnxruntime: string;
  /** Versions of torch, transformers …; only with --peers. */
  peers: Readonly<Record<string, string>> | undefined;
}

export async function describeMachine(load: number, peers?: Readonly<Record<string, string>>): Promise<Machine> {
  const file = join(import.meta.dirname, '../../node_modules/onnxruntime-node/package.json');
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readFile(file, 'utf8')));
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    load,
    node: process.version,
    onnxruntime: version,
    peers,
  };
}
