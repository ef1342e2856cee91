import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { igpt } from '../cli/igpt-process.ts';
import { pythonEnvironment } from '../support/python.ts';

const environment = await pythonEnvironment();

const pictures = 200;

/** The reference takes about a minute of processor time. */
const timeout = 300_000;

let out = '';
let pipeline: Record<string, number[]> = {};

beforeAll(async () => {
  if ('missing' in environment) return;
  out = await mkdtemp(join(tmpdir(), 'igpt-pipeline-'));
  const script = join(import.meta.dirname, 'pipeline_reference.py');
  await promisify(execFile)(environment.python, [script, out, String(pictures)]);
  const json = JSON.parse(await readFile(join(out, 'pipeline.json'), 'utf8'));
  pipeline = z.record(z.string(), z.array(z.number())).parse(json);
}, timeout);

afterAll(async () => {
  if (out !== '') await rm(out, { recursive: true, force: true });
});

test.skipIf('missing' in environment)(
  'classify gives the classes of transformers’ pipeline for its own classifier: 200 pictures, probabilities within 1e-5',
  async () => {
    const names = Object.keys(pipeline);
    expect(names).toHaveLength(pictures);
    const ours = await classesOf(names, []);

    const [likeliest, shift] = compared(ours);
    expect(likeliest).toBe(pictures);
    expect(shift).toBeLessThan(1e-5);
    // The pictures have several classes, and many are not certain.
    expect(new Set(Object.values(pipeline).map(largest)).size).toBeGreaterThan(4);
    expect(Object.values(pipeline).filter((row) => Math.max(...row) < 0.9).length).toBeGreaterThan(pictures / 4);
  },
  timeout,
);

test.skipIf('missing' in environment)(
  '--input sos gives other classes: the test above would notice the wrong input',
  async () => {
    const [likeliest, shift] = compared(await classesOf(Object.keys(pipeline), ['--input', 'sos']));
    expect(likeliest).toBeLessThan(pictures);
    expect(shift).toBeGreaterThan(0.1);
  },
  timeout,
);

const line = z.object({
  file: z.string(),
  classes: z.array(z.object({ index: z.int(), probability: z.number() })),
});

/** Probabilities of all classes, by picture. */
async function classesOf(files: readonly string[], args: readonly string[]): Promise<Record<string, number[]>> {
  const model = ['--model', join(out, 'classifier'), '--json', '--top', '10', '--workers', '2'];
  const { code, stdout, stderr } = await igpt(['classify', ...files, ...model, ...args]);
  expect(code, stderr).toBe(0);
  return Object.fromEntries(
    stdout
      .trimEnd()
      .split('\n')
      .map((text) => {
        const { file, classes } = line.parse(JSON.parse(text));
        return [file, classes.toSorted((a, b) => a.index - b.index).map(({ probability }) => probability)];
      }),
  );
}

/** How many pictures have the pipeline's likeliest class, and the largest difference of a probability. */
function compared(ours: Readonly<Record<string, number[]>>): [number, number] {
  const rows = Object.entries(pipeline).map(([name, theirs]) => ({ theirs, own: ours[name] ?? [] }));
  const same = rows.filter(({ theirs, own }) => largest(theirs) === largest(own)).length;
  const shifts = rows.flatMap(({ theirs, own }) => theirs.map((p, i) => Math.abs(p - (own[i] ?? Number.NaN))));
  return [same, shifts.reduce((a, b) => Math.max(a, b), 0)];
}

function largest(row: readonly number[]): number {
  return row.indexOf(Math.max(...row));
}
