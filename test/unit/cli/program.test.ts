import { type Command, Help } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../../lib/cli/program.ts';
import { verbs } from '../../../lib/cli/verb-list.ts';
import { UsageError } from '../../../lib/ports/error.ts';

test.each([
  [['runn', 'x'], /no verb 'runn' \(nearest: run\); expected one of run, classify/],
  [['run', '.', '--wach'], /unknown option '--wach' \(nearest: --watch\); see .* run --help/],
  [['run', '.', '--modle', 'x'], /unknown option '--modle' \(nearest: --model\)/],
  [['run', '.', '--zzzzzz'], /unknown option '--zzzzzz'; see/],
  [['batch', 'runn'], /batch: there is no verb 'runn' \(nearest: run\); expected one of run, verify/],
  [['batch'], /batch: no verb; expected one of run, verify/],
  [['run'], /missing required argument 'dir'/],
  [['run', 'a', 'b'], /Expected 1 argument but got 2/],
  [['run', '.', '--outputs', 'clasification'], /got 'clasification'/],
  [['complete', 'x.png', '--keep', 'abc', '--out', 'y.png'], /--keep <k>: expected a number, 0 or more; got 'abc'/],
  [
    ['complete', 'x.png', '--top-k', '-1', '--out', 'y.png'],
    /--top-k <k>: expected a whole number, 0 or more; got '-1'/,
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
    /--output <name>: expected one of logits, features, likelihood, classes; got 'logit'/,
  ],
  [['run', '.', '--norm', 'rwa'], /--norm <norm>: expected one of raw, next; got 'rwa'/],
  [['help', 'nope'], /there is no verb 'nope'; expected one of run, classify/],
  [['help', 'insect'], /there is no verb 'insect'; expected one of run, classify/],
  [['run', '.', '--outputs', 'foo'], /--outputs <list>: expected some of [^']*, got 'foo'; see/],
  [
    ['run', '.', '--outputs', 'likelihood', '--layer', '2'],
    /--layer goes with features, not with --outputs likelihood/,
  ],
  [['run', '.', '--outputs', 'likelihood', '--norm', 'raw'], /--norm goes with features/],
  [
    ['run', '.', '--decode-timeout', '3000000'],
    /--decode-timeout <s>: expected a number above 0, at most 86400; got '3000000'/,
  ],
  [['forward', '--output', 'logits', '--out', 'y.npy'], /required option '--tokens <x.npy>' not specified/],
])('igpt %j is a usage error in one line', async (args, words) => {
  const program = await createProgram(args);
  const error = await program.parseAsync(args, { from: 'user' }).catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(UsageError);
  expect(String(error)).toMatch(words);
  expect(String(error)).not.toContain('\n');
});

const helpOf = async (verb: string) => (await loadVerb(verb)).helpInformation().replaceAll(/\s+/g, ' ');

test('help shows the defaults of values, and none of switches, which are off', async () => {
  const helps = await Promise.all(verbs.map(({ name }) => helpOf(name)));
  expect(helps.filter((help) => help.includes('(default: false)'))).toEqual([]);
  expect(helps.filter((help) => help.includes('(default: "igpt-nano")'))).toHaveLength(11);
});

test.each(verbs)('the list of verbs shows the arguments of $name', async ({ name, usage }) => {
  const verb = await loadVerb(name);
  expect(new Help().subcommandTerm(verb)).toBe(`${name} ${usage}`.trim());
  expect((await createProgram([])).helpInformation()).toContain(`  ${name} ${usage}`.trimEnd());
});

async function loadVerb(name: string): Promise<Command> {
  const { commands } = await createProgram([name]);
  const verb = commands.find((command) => command.name() === name);
  if (verb === undefined) throw new Error(`expected the verb ${name}`);
  return verb;
}
