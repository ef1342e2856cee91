import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { pythonEnvironment } from '../support/python.ts';
import type { Suite } from './context.ts';
import { describeMachine } from './machine.ts';
import { type Peer, startPeer } from './peer.ts';
import { formatRows, type Row, reached } from './report.ts';

/** Loaded when asked for: each brings its own part of the system along. */
const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  precision: async () => (await import('./suites/precision.ts')).precision,
  provider: async () => (await import('./suites/provider.ts')).provider,
  features: async () => (await import('./suites/features.ts')).features,
  graph: async () => (await import('./suites/graph.ts')).graph,
  sampling: async () => (await import('./suites/sampling.ts')).sampling,
  pipeline: async () => (await import('./suites/pipeline.ts')).pipeline,
  batch: async () => (await import('./suites/batch.ts')).batch,
  memory: async () => (await import('./suites/memory.ts')).memory,
  open: async () => (await import('./suites/open.ts')).open,
  preprocess: async () => (await import('./suites/preprocess.ts')).preprocess,
  palette: async () => (await import('./suites/palette.ts')).palette,
  overhead: async () => (await import('./suites/overhead.ts')).overhead,
  training: async () => (await import('./suites/training.ts')).training,
  startup: async () => (await import('./suites/startup.ts')).startup,
  'training-memory': async () => (await import('./suites/training-memory.ts')).trainingMemory,
};

const PROVIDERS = ['cpu', 'cuda', 'webgpu'] as const;

const ROOT = join(import.meta.dirname, '../..');
/** Git-ignored; checkpoints and pictures that the benchmark makes stay here between runs. */
const SCRATCH = join(ROOT, '.scratch/bench');

const USAGE = `npm run bench -- [SUITE…] [--peers] [--quick] [--rounds N] [--json FILE]

Suites: ${Object.keys(SUITES).join(', ')} (default: all)
  --peers     measure PyTorch, transformers and Hugging Face's image processor beside us; installs them once
  --quick     3 rounds and fewer pictures: for trying, not for reporting
  --rounds N  times that each side is measured, in turns (default 5)
  --provider P cpu, cuda or webgpu: where the suite provider runs (default cpu)
  --base DIR  another tree of this project with its node_modules: what the suite startup is compared with
  --json FILE where the figures go (default .scratch/bench.json)
`;

async function main(): Promise<void> {
  const load = loadavg()[0] ?? 0;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      peers: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      provider: { type: 'string', default: 'cpu' },
      base: { type: 'string' },
      json: { type: 'string', default: join(ROOT, '.scratch/bench.json') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const names = positionals.length > 0 ? positionals : Object.keys(SUITES);
  const suites = names.map((name) => {
    const load = SUITES[name];
    if (load === undefined) throw new UsageError(`there is no suite '${name}'`);
    return { name, load };
  });
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new UsageError(`expected --rounds from 1, got ${values.rounds}`);

  const provider = PROVIDERS.find((name) => name === values.provider);
  if (provider === undefined)
    throw new UsageError(`expected --provider ${PROVIDERS.join(', ')}, got ${values.provider}`);

  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const peer = values.peers ? await openPeer(say) : undefined;
  const rows: Row[] = [];
  const failures: string[] = [];
  try {
    for (const { name, load } of suites) {
      say(`${name} …`);
      try {
        const suite = await load();
        rows.push(
          ...(await suite({ rounds, quick: values.quick, peer, provider, base: values.base, scratch: SCRATCH, say })),
        );
      } catch (error) {
        // The other suites' figures are worth having.
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    peer?.close();
  }

  const machine = await describeMachine(load, peer?.versions);
  process.stdout.write(`${Object.entries(machine).map(describe).join(' · ')}\n`);
  process.stdout.write(`Ratios are medians of ${rounds} runs in turns, one side at a time.\n\n${formatRows(rows)}`);
  for (const failure of failures) process.stdout.write(`\nFAILED ${failure}\n`);

  await mkdir(dirname(values.json), { recursive: true });
  const figures = rows.map((row) => ({ ...row, reached: reached(row) }));
  const report = { machine, rounds, quick: values.quick, rows: figures, failures };
  await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  process.stdout.write(`\nWritten to ${relative(process.cwd(), values.json)}\n`);
  if (failures.length > 0) process.exitCode = 1;
}

class UsageError extends Error {}

async function openPeer(say: (line: string) => void): Promise<Peer> {
  say('peers: looking for Python with torch and transformers; the first time they are installed …');
  const environment = await pythonEnvironment();
  if ('missing' in environment) throw new UsageError(`--peers: ${environment.missing}`);
  return startPeer(environment.python);
}

function describe([name, value]: [string, unknown]): string {
  return value !== null && typeof value === 'object'
    ? Object.entries(value).map(describe).join(' · ')
    : `${name} ${String(value)}`;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError || (error instanceof TypeError && 'code' in error))) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
