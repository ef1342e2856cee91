import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const answer = z.looseObject({ id: z.number(), ok: z.boolean(), error: z.string().optional() });
const prepared = z.object({ handle: z.string() });
const ran = z.object({ seconds: z.number(), result: z.unknown() });
const versions = z.record(z.string(), z.unknown()).transform((entries) => {
  const { id: _id, ok: _ok, ...rest } = entries;
  return z.record(z.string(), z.string()).parse(rest);
});

/** A case that is prepared in the Python process and can run repeatedly. */
interface PeerCase {
  /** Runs once; resolves with the seconds that it took. */
  run(): Promise<number>;
  /** Runs once; resolves with what it computed, as JSON. */
  result(): Promise<unknown>;
  /** Frees the case in the Python process. */
  drop(): Promise<void>;
}

/** A long-running Python process (peers/peer.py) that is measured in turns with us. */
export interface Peer {
  pid: number;
  versions: Readonly<Record<string, string>>;
  prepare(name: string, options: Readonly<Record<string, unknown>>, threads: number): Promise<PeerCase>;
  close(): void;
}

/** Workarounds for old OpenBLAS builds that some machines set. They slow a current numpy down: unfair to the peer. */
const blasWorkarounds = ['OPENBLAS_CORETYPE', 'OPENBLAS_L2_SIZE'];

export async function startPeer(python: string): Promise<Peer> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !blasWorkarounds.includes(name)));
  const child = spawn(python, [join(import.meta.dirname, 'peers', 'peer.py')], {
    // One BLAS thread, because numpy is used only in suites on one core. torch has its own threads.
    env: { ...env, OPENBLAS_NUM_THREADS: '1', HF_HUB_OFFLINE: '1', TRANSFORMERS_VERBOSITY: 'error', TQDM_DISABLE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = `${stderr}${chunk.toString()}`.slice(-4000);
  });

  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const parsed = answer.parse(JSON.parse(line));
    const { resolve, reject } = waiting.get(parsed.id) ?? {};
    waiting.delete(parsed.id);
    if (parsed.ok) resolve?.(parsed);
    else reject?.(new Error(`The Python peer failed: ${parsed.error}`));
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) {
      reject(new Error(`The Python peer ended with code ${code}: ${stderr.trim().split('\n').at(-1)}`));
    }
  });

  let requests = 0;
  const ask = (command: string, rest: object = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      requests += 1;
      waiting.set(requests, { resolve, reject });
      child.stdin.write(`${JSON.stringify({ id: requests, command, ...rest })}\n`);
    });

  const { pid } = child;
  if (pid === undefined) throw new Error(`Expected ${python} to start, it did not`);
  return {
    pid,
    versions: versions.parse(await ask('versions')),
    prepare: async (name, options, threads) => {
      const { handle } = prepared.parse(await ask('prepare', { case: name, options, threads }));
      return {
        run: async () => ran.parse(await ask('run', { handle })).seconds,
        result: async () => ran.parse(await ask('run', { handle, want_result: true })).result,
        drop: async () => {
          await ask('drop', { handle });
        },
      };
    },
    close: () => {
      child.stdin.end();
    },
  };
}
