import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { errorCode } from '../../lib/ports/error.ts';
import { type Attack, runAttack, summaryLines } from './attack.ts';

interface Choice {
  about: string;
  /** Cases that are played by default. */
  count: number;
  open: () => Promise<Attack>;
}

/** Loaded on demand, because each imports another part of the system. */
const attacks: Readonly<Record<string, Choice>> = {
  pictures: {
    about: 'damaged pictures of every format, through the decoder',
    count: 4000,
    open: async () => (await import('./pictures.ts')).openPictures(),
  },
  models: {
    about: 'damaged model files of every kind, through their readers and igpt import',
    count: 13_000,
    open: async () => (await import('./models.ts')).openModels(),
  },
  hub: {
    about: 'igpt import from a hub with every fault',
    count: 400,
    open: async () => (await import('./hub.ts')).openHub(),
  },
  kills: {
    about: 'igpt run, batch run, train, import, and the deployed processes, killed and started again',
    count: 110,
    open: async () => (await import('./kills.ts')).openKills(),
  },
};

const usage = `npm run attack -- ${Object.keys(attacks).join('|')} [--count N] [--seed N] [--only N] [--keep DIR]

${Object.entries(attacks)
  .map(([name, { about, count }]) => `  ${name.padEnd(9)} ${about} (default ${count} cases)`)
  .join('\n')}

  --count N     how many cases are played
  --seed N      another seed damages in other ways (default 1)
  --only N      plays case N alone, to repeat a violation
  --keep DIR    where the files of violations are kept (default .scratch/attack)

Contacts nothing but this machine. Ends with 1 if an invariant is violated.
`;

class UsageError extends Error {}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: 'string' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      keep: { type: 'string', default: join(repositoryRoot, '.scratch/attack') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const [name = '', ...rest] = positionals;
  const choice = Object.hasOwn(attacks, name) ? attacks[name] : undefined;
  if (choice === undefined || rest.length > 0)
    throw new UsageError(`expected one of ${Object.keys(attacks).join(', ')}, received '${positionals.join(' ')}'`);
  const options = {
    count: wholeNumber('--count', values.count ?? String(choice.count), 1),
    seed: wholeNumber('--seed', values.seed, 0),
    only: values.only === undefined ? undefined : wholeNumber('--only', values.only, 0),
    keep: values.keep,
    say: (line: string): void => void process.stderr.write(`${line}\n`),
  };
  const attack = await choice.open();
  const result = await runAttack(attack, options);
  process.stdout.write(`${summaryLines(attack, result).join('\n')}\n`);
  if (result.violations > 0) process.exitCode = 1;
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least)
    throw new UsageError(`expected a whole number from ${least} for ${option}, received '${text}'`);
  return value;
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError || errorCode(error)?.startsWith('ERR_PARSE_ARGS');
  if (!(error instanceof Error) || !isUsage) throw error;
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
