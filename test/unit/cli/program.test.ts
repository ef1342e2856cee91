import { expect, test } from 'vitest';
import { createProgram } from '../../../lib/cli/program.ts';
import { UsageError } from '../../../lib/cli/usage-error.ts';

test.each([
  [['runn', 'x'], /no verb 'runn' \(nearest: run\); expected one of run, classify/],
  [['run', '.', '--wach'], /unknown option '--wach' \(nearest: --watch\); see .* run --help/],
  [['run', '.', '-model', 'x'], /unknown option '-model' \(nearest: --model\)/],
  [['run'], /missing required argument 'dir'/],
  [['run', 'a', 'b'], /Expected 1 argument but got 2/],
  [['run', '.', '--outputs', 'clasification'], /got 'clasification' \(nearest: classification\)/],
  [['complete', 'x.png', '--keep', 'abc', '--out', 'y.png'], /--keep <k>: expected a number, 0 or more; got 'abc'/],
  [
    ['complete', 'x.png', '--top-k', '-1', '--out', 'y.png'],
    /--top-k <k>: expected a whole number, 1 or more; got '-1'/,
  ],
  [
    ['complete', 'x.png', '--top-p', '1.5', '--out', 'y.png'],
    /--top-p <p>: expected a number above 0, at most 1; got '1.5'/,
  ],
  [
    ['complete', 'x.png', '-n', '0', '--out', 'y.png'],
    /--samples <n>: expected a whole number from 1 to 1024; got '0'/,
  ],
  [
    ['forward', '--tokens', 'x.npy', '--output', 'logit', '--out', 'y.npy'],
    /--output <name>: expected one of logits, features/,
  ],
  [['forward', '--output', 'logits', '--out', 'y.npy'], /required option '--tokens <x.npy>' not specified/],
])('igpt %j is a usage error in one line', async (args, words) => {
  const error = await createProgram()
    .parseAsync(args, { from: 'user' })
    .catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(UsageError);
  expect(String(error)).toMatch(words);
  expect(String(error)).not.toContain('\n');
});
