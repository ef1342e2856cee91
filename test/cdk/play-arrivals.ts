import { scalingDefaults } from '../../lib/contracts/deployment-settings.ts';
import { type Ceilings, playArrivals } from './arrivals.ts';
import { readRules } from './scaling-rules.ts';
import { imageGptTemplate } from './synthesize.ts';

/** Pictures/s; 386 are a billion in 30 days. */
const rates = [100, 386, 1000, 10_000];

/** Quotas of us-east-1, and speeds as `igpt cost` assumes them: iGPT-S on g6.xlarge, pictures of 2 megapixels. */
const shared = {
  functionsAtOnce: 1000,
  picturesPerFunction: 40,
  picturesPerTask: 50,
  writes: 3500,
  publishes: 30_000,
};

interface Stack extends Ceilings {
  name: string;
  maxTasks: number;
  /** Stacks that share the arrivals. */
  stacks: number;
}

function stack(name: string, maxTasks: number, choices: Partial<Stack> = {}): Stack {
  const instances = { main: maxTasks, onDemand: 0 };
  return { ...shared, name, maxTasks, preprocessConcurrency: 1000, instances, stacks: 1, ...choices };
}

const stacks: readonly Stack[] = [
  stack('defaults', scalingDefaults.maxTasks, { preprocessConcurrency: 6 }),
  stack('20 tasks', 20),
  stack('20 tasks, igpt-nano', 20, { picturesPerTask: 500 }),
  stack('10 stacks of 20 tasks', 20, { stacks: 10 }),
];

/** @returns a table: how fast each backlog grows at each rate, for one stack after the other */
export function arrivalsTable(seed: number): string {
  const rows = stacks.flatMap((of) => {
    const rules = readRules(imageGptTemplate({ maxTasks: of.maxTasks }));
    return rates.map((rate) => {
      const { tasks, grows } = playArrivals(rules, of, rate / of.stacks, seed);
      return [
        of.name,
        String(rate),
        String(tasks.main * of.stacks),
        growth(grows.uploads * of.stacks),
        growth(grows.tokens * of.stacks),
      ];
    });
  });
  const head = ['stack', 'pictures/s', 'tasks', 'uploads queue grows by', 'tokens queue grows by'];
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return [head, ...rows].map((row) => `${line(row).trimEnd()}\n`).join('');
}

/** A backlog that goes up and down with the number of tasks does not grow. */
function growth(picturesPerSecond: number): string {
  return Math.abs(picturesPerSecond) < 10 ? '0' : `${Math.round(picturesPerSecond)}/s`;
}
