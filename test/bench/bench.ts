import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { pythonEnvironment } from '../support/python.ts';
import type { Suite } from './context.ts';
import { describeMachine } from './machine.ts';
import { type Peer, startPeer } from './peer.ts';
import { formatRows, type Row, reached } from './report.ts';

/** Suites are loaded on demand, because each imports another part of the system. */
const suiteLoaders: Readonly<Record<string, () => Promise<Suite>>> = {
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
  lambda: async () => (await import('./suites/lambda.ts')).lambda,
  startup: async () => (await import('./suites/startup.ts')).startup,
  'training-memory': async () => (await import('./suites/training-memory.ts')).trainingMemory,
};

const providers = ['cpu', 'cuda', 'webgpu'] as const;

/** Checkpoints and pictures that the benchmark makes and keeps; git-ignored. */
const scratchFolder = join(repositoryRoot, '.scratch/bench');

const usage = `npm run bench -- [SUITE…] [--peers] [--quick] [--rounds N] [--json FILE]

Suites: ${Object.keys(suiteLoaders).join(', ')} (default: all)
  --peers       also measure PyTorch, transformers and Hugging Face's image processor; installs them once
  --quick       3 rounds and fewer pictures: to try the benchmark, not to report figures
  --rounds N    how often each side is measured, in turns (default 5)
  --provider P  where the suite provider runs: cpu, cuda or webgpu (default cpu)
  --base DIR    another tree of this project, with node_modules, to compare in the suite startup
  --json FILE   file for the figures (default .scratch/bench.json)
`;

async function main(): Promise<void> {
  const load = loadavg()[0] ?? 0;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      peers: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      base: { type: 'string' },
      provider: { type: 'string', default: 'cpu' },
      json: { type: 'string', default: join(repositoryRoot, '.scratch/bench.json') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const names = positionals.length > 0 ? positionals : Object.keys(suiteLoaders);
  const suites = names.map((name) => {
    const load = suiteLoaders[name];
    if (load === undefined)
      throw new UsageError(`expected a suite (${Object.keys(suiteLoaders).join(', ')}), received '${name}'`);
    return { name, load };
  });
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UsageError(`expected a whole number from 1 for --rounds, received ${values.rounds}`);

  const provider = providers.find((name) => name === values.provider);
  if (provider === undefined)
    throw new UsageError(`expected ${providers.join(', ')} for --provider, received ${values.provider}`);

  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const peer = values.peers ? await openPeer(say) : undefined;
  const rows: Row[] = [];
  const failures: string[] = [];
  try {
    for (const { name, load } of suites) {
      say(`${name} …`);
      try {
        const suite = await load();
        const { quick, base } = values;
        rows.push(...(await suite({ rounds, quick, peer, provider, base, scratch: scratchFolder, say })));
      } catch (error) {
        // The other suites still run.
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    peer?.close();
  }

  const machine = await describeMachine(load, peer?.versions);
  const known = Object.entries(machine).filter(([, value]) => value !== undefined);
  process.stdout.write(`${known.map(describe).join(' · ')}\n`);
  process.stdout.write(
    `Ratios are medians of ${rounds} runs. The sides run in turns, never at once.\n\n${formatRows(rows)}`,
  );
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
  say('peers: looking for Python with torch and transformers; the first run installs them …');
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
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
