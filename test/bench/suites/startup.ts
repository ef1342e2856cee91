import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { repositoryRoot } from '../../../lib/local/repository.ts';
import { pathWithoutProject } from '../../cli/igpt-process.ts';
import type { BenchContext } from '../context.ts';
import { interleave, median, type Side, side, speedRatio } from '../interleave.ts';
import type { Row } from '../report.ts';

const picture = join(repositoryRoot, 'test/fixtures/pictures/animals/cat.jpg');

/** Targets of the ratio to the other tree, by command line. */
const commands = [
  { args: ['--help'], target: 0.5 },
  { args: ['classify', picture], target: 0.75 },
];

/**
 * Processor time of short commands (user and system, with all threads and children). With `--base DIR`, it is compared
 * with that of another tree of this project. The first call of each command warms the compile cache.
 */
export async function startup(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { args, target } of commands) {
    rows.push(await measure(context, args, target, { node: process.execPath, name: `Node ${process.versions.node}` }));
    rows.push(await measure(context, args, target, { node: 'node', name: 'the launcher, with the node of PATH' }));
  }
  return rows;
}

async function measure(
  { rounds, base }: BenchContext,
  args: readonly string[],
  target: number,
  { node, name }: { node: string; name: string },
): Promise<Row> {
  const ours = commandSide(node, repositoryRoot, args);
  const theirs = base === undefined ? undefined : commandSide(node, base, args);
  await interleave([ours, theirs], rounds);
  return {
    suite: 'startup',
    name: `igpt ${args[0]} under ${name}; ratio of ours to theirs`,
    unit: 's',
    ours: median(ours.seconds),
    ...(theirs !== undefined && {
      theirs: median(theirs.seconds),
      ratio: 1 / speedRatio(ours, theirs),
      target: { value: target, direction: 'at most' },
      seconds: { ours: ours.seconds, theirs: theirs.seconds },
    }),
  };
}

function commandSide(node: string, tree: string, args: readonly string[]): Side {
  return side(1, () => processorSeconds([node, join(tree, 'lib/cli/igpt.js'), ...args]));
}

/** bash's own clock counts threads and children too; Node's counts this process only. */
async function processorSeconds(command: readonly string[]): Promise<number> {
  const script = 'TIMEFORMAT="%3U %3S"; time "$@" >/dev/null 2>&1';
  const env = { ...process.env, PATH: pathWithoutProject() };
  const child = spawn('bash', ['-c', script, 'bash', ...command], { stdio: ['ignore', 'ignore', 'pipe'], env });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await once(child, 'close');
  const [user, system] = printed.trim().split(' ').map(Number);
  const seconds = (user ?? Number.NaN) + (system ?? Number.NaN);
  if (child.exitCode !== 0 || Number.isNaN(seconds)) {
    throw new Error(
      `Expected ${command.join(' ')} to succeed, received exit code ${child.exitCode}: ${printed.trim()}`,
    );
  }
  return seconds;
}
