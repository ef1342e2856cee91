import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type PipelineEvent, pipelineEvent, type ResultEvent, type SummaryEvent } from '../../lib/contracts/event.ts';
import { type Outcome, outcome } from '../../lib/contracts/outcome.ts';

/** Parses every line of a run's standard output, and checks it against its contract. */
export function eventsOf(stdout: string): PipelineEvent[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => pipelineEvent.parse(JSON.parse(line)));
}

export function resultsOf(stdout: string): ResultEvent[] {
  return eventsOf(stdout).filter((event) => event.type === 'result');
}

/** The last line, which must be the only summary. */
export function summaryOf(stdout: string): SummaryEvent {
  const summaries = eventsOf(stdout).filter((event) => event.type === 'summary');
  const last = eventsOf(stdout).at(-1);
  if (last?.type !== 'summary' || summaries.length !== 1) {
    throw new Error(`Expected one summary at the end, received:\n${stdout}`);
  }
  return last;
}

/** All outcomes under OUT/results by key, with the modification time of the file. */
export function outcomesIn(out: string): Map<string, Outcome & { mtimeMs: number }> {
  const results = join(out, 'results');
  const found = new Map<string, Outcome & { mtimeMs: number }>();
  for (const entry of readdirSync(results, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      const parsed = outcome.parse(JSON.parse(readFileSync(path, 'utf8')));
      if (found.has(parsed.key)) {
        throw new Error(`Expected one outcome for ${parsed.key}, found two`);
      }
      found.set(parsed.key, { ...parsed, mtimeMs: statSync(path).mtimeMs });
    }
  }
  return found;
}
