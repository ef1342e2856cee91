import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../lib/cli/program.ts';
import { DeploymentConfigError, readDeploymentConfig } from '../../lib/contracts/deployment-settings.ts';
import { pipelineEvent } from '../../lib/contracts/event.ts';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { idleCost } from '../../lib/operate/idle-cost.ts';
import { blocksOf, documents, readDocument, tableUnder } from './documents.ts';
import { igpt, temporaryFolder } from './igpt-process.ts';

const account = 'needs an AWS account';
const dataSet = 'downloads 139 MB';
const long = 'takes minutes or hours';
const ci = 'is what CI does';
const another = 'is what another test does';
const nothingElse = 'nothing: only AWS has it';

/** Commands that are not run here: why, and which file covers them. The first line that matches counts. */
const elsewhere: readonly (readonly [command: RegExp, why: string, coveredBy: string])[] = [
  [/^npm (test|run (check|test:slow))$/, ci, '.ci/run'],
  [
    /^(ONNXRUNTIME_NODE_INSTALL=skip npm ci|apt-get install -y (chromium|--no-install-recommends buildah .*))$/,
    ci,
    '.ci/run',
  ],
  [/^npm install image-gpt-serverless$/, another, 'test/package/package.slow.test.ts'],
  [/^npm run bench\b/, long, 'test/unit/bench/report.test.ts'],
  [/^npm run simulate -- 1 100000$/, long, 'test/simulation/fault-schedules.slow.test.ts'],
  [/^npm run simulate -- arrivals$/, another, 'test/cdk/arrivals.slow.test.ts'],
  [/^npx igpt run test\/fixtures\/pictures$/, another, 'test/cli/readme.test.ts'],
  [/^npm run simulate -- 17$/, another, 'test/simulation/fault-schedules.test.ts'],
  [/^npm run attack -- models\b/, long, 'test/attack/models.test.ts'],
  [/^npm run attack -- (pictures|hub|kills)\b/, long, 'test/attack/attack.slow.test.ts'],
  [/^npm run prove:image$/, long, 'test/cdk/prove-image.slow.test.ts'],
  [/^npm run prove:aws$/, account, 'test/aws/prove-aws.slow.test.ts'],
  [/^npx cdk (bootstrap|deploy|destroy)/, account, 'test/cdk/deploy.slow.test.ts'],
  [/^aws s3 cp /, account, 'test/aws/pipeline.slow.test.ts'],
  [/^aws sns subscribe /, account, 'test/aws/consumers.test.ts'],
  [/^aws iam create-service-linked-role /, account, nothingElse],
  [/^npx igpt (doctor|smoke|status|tail|redrive)\b/, account, 'test/aws/commands.slow.test.ts'],
  [/^npx igpt backfill /, account, 'test/cli/backfill.test.ts'],
  [/^npx igpt batch (submit|status|cancel) /, account, 'test/cli/batch-submit.test.ts'],
  [/^npx igpt train .*--on-aws$/, account, 'test/cli/train-on-aws.test.ts'],
  [/^npx igpt probe --data cifar10/, dataSet, 'test/cli/probe.test.ts'],
  [/^npx igpt eval --data cifar10/, dataSet, 'test/cli/eval.test.ts'],
  [/^npx igpt palette fit cifar10/, dataSet, 'test/cli/palette.test.ts'],
  [/^npx igpt train .*--data cifar10/, dataSet, 'test/cli/train.test.ts'],
  [/^npx igpt import /, 'needs published weights', 'test/cli/import.test.ts'],
  [/^npx igpt init --variant s /, 'writes 0.3 GB', 'test/cli/import.test.ts'],
];

/** README.zh-CN.md has the blocks of README.md, to which another test holds it. */
const originals = documents.filter((name) => name !== 'README.zh-CN.md');

/** Lines of a document's shell blocks; what stands after the installation on the same line counts for itself. */
const commandsOf = (name: string): string[] =>
  blocksOf(name)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.trim().split('\n'))
    .map((line) => line.replace(/^ONNXRUNTIME_NODE_INSTALL=skip npm ci && /, ''));

const allCommands = originals.flatMap(commandsOf);
const isElsewhere = (line: string): boolean => elsewhere.some(([command]) => command.test(line));

describe('the commands of the documents', () => {
  const runHere = originals.filter((name) => commandsOf(name).some((line) => !isElsewhere(line)));

  test.each(runHere)('%s: every one works, in order, but those that the table here names', async (name) => {
    using folder = temporaryFolder();
    symlinkSync(join(repositoryRoot, 'test'), join(folder.path, 'test'));
    for (const command of commandsOf(name).filter((line) => !isElsewhere(line))) {
      const [npx, program, ...args] = command.split(' ');
      expect([npx, program], command).toEqual(['npx', 'igpt']);
      const { code, stderr } = await igpt(args, { cwd: folder.path });
      expect(code, `${command}\n${stderr}`).toBe(0);
    }
  });

  test.each(elsewhere)('%s is covered by a file that exists', (command, _, coveredBy) => {
    expect(allCommands.filter((line) => command.test(line))).not.toEqual([]);
    if (coveredBy !== nothingElse) expect(existsSync(join(repositoryRoot, coveredBy)), coveredBy).toBe(true);
  });

  test('name only verbs and options that exist', async () => {
    for (const line of allCommands.filter((line) => line.startsWith('npx igpt '))) {
      const [verb = '', action = '', ...rest] = line.split(' ').slice(2);
      const command = find(await createProgram([verb]), verb);
      const { options } = command.commands.length > 0 ? find(command, action) : command;
      const known = options.flatMap(({ short, long }) => [short, long]);
      for (const flag of [action, ...rest].filter((word) => /^--?[a-z]/.test(word)))
        expect(known, line).toContain(flag);
    }
  });

  test('name only benchmarks that exist', () => {
    const suites = allCommands
      .flatMap((line) => /^npm run bench -- (.*)/.exec(line)?.[1]?.split(' ') ?? [])
      .filter((word) => !word.startsWith('--'));
    expect(suites).toContain('open');
    for (const suite of suites)
      expect(existsSync(join(repositoryRoot, `test/bench/suites/${suite}.ts`)), suite).toBe(true);
  });

  test('configure deployments only by settings that exist', () => {
    const settings = allCommands.flatMap((line) => Array.from(line.matchAll(/-c (\w+)=/g), ([, name]) => name));
    expect(settings).toContain('compute');
    expect(settingNames()).toEqual(expect.arrayContaining(settings));
  });
});

describe('the other blocks of the documents', () => {
  test('are of a kind that some test looks at', () => {
    const languages = new Set(documents.flatMap(blocksOf).map(({ language }) => language));
    // text: readme.test.ts, and diagrams; ts, python: aws/consumers.test.ts; sql: batch-readers.slow.test.ts.
    expect([...languages].toSorted()).toEqual(['json', 'python', 'sh', 'sql', 'text', 'ts']);
  });

  test('an event is one of the contract', () => {
    const [event = ''] = blocksOf('docs/aws-deploy.md').flatMap(({ language, text }) =>
      language === 'json' ? [text] : [],
    );
    expect(pipelineEvent.parse(JSON.parse(event)).type).toBe('result');
  });
});

describe('the tables of the documents', () => {
  test('have every setting of a deployment with its default', () => {
    const rows = tableUnder('docs/aws-deploy.md', '## Settings').map((row) =>
      row.map((cell) => cell.replaceAll('`', '')),
    );
    expect(rows.map(([name]) => name).toSorted()).toEqual(settingNames().toSorted());
    const defaults: Record<string, unknown> = readDeploymentConfig({});
    const told = Object.fromEntries(rows.filter(([name = '']) => name in defaults));
    expect(told).toEqual(Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, String(value)])));
  });

  test('have the cost of the idle stack as igpt cost prints it', () => {
    const kinds = ['gpu', 'cpu', 'lambda'] as const;
    const costs = kinds.map((compute) => {
      const usdOf = (start: string) => idleCost(compute).find(({ what }) => what.startsWith(start))?.usd ?? 0;
      const usd = ['alarms', 'SQS', 'ECR'].map(usdOf);
      return [...usd, usd.reduce((sum, item) => sum + item)].map((amount) => amount.toFixed(2));
    });
    const told = tableUnder('docs/costs.md', '## The idle stack').map((row) => row.slice(1));
    expect(told).toEqual([0, 1, 2, 3].map((row) => costs.map((usd) => usd[row])));
  });

  test('have the cost of a million pictures as igpt cost prints it', async () => {
    const costOf = async (variant: string, compute: string): Promise<string> => {
      const model = ['--variant', variant, '--outputs', 'features,likelihood', '--compute', compute];
      const { stdout } = await igpt(['cost', '--images', '1000000', ...model, '--json']);
      if (stdout === '') return 'too large';
      const { usd } = JSON.parse(stdout);
      const text = (amount: number) => amount.toFixed(2);
      return usd.lambda === undefined ? `${text(usd.spot)} (${text(usd.on_demand)})` : text(usd.lambda);
    };
    const kinds = ['g6.xlarge', 'g4dn.xlarge', 'cpu', 'lambda'];
    const expected = ['s', 'm', 'l'].map((variant) => Promise.all(kinds.map((kind) => costOf(variant, kind))));
    const told = tableUnder('docs/costs.md', '## A million pictures').map((row) => row.slice(1));
    expect(told).toEqual(await Promise.all(expected));
  });

  test('have the throughput of a function as igpt cost prints it', async () => {
    const rateOf = async (...model: string[]): Promise<number> => {
      const { stdout } = await igpt(['cost', '--images', '1000', ...model, '--compute', 'lambda', '--json']);
      return JSON.parse(stdout).pictures_per_second_per_task;
    };
    const [s, nano] = await Promise.all([rateOf('--variant', 's'), rateOf()]);

    expect(readDocument('docs/scale.md')).toContain(
      `${s.toFixed(2)} pictures/s of iGPT-S and ${nano.toFixed(0)} of igpt-nano`,
    );
  });

  test('have every npm script, in CONTRIBUTING', () => {
    const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: Record<string, string> };
    const told = tableUnder('CONTRIBUTING.md', '## Scripts').map(([name = '']) =>
      name.replaceAll('`', '').replace(/^npm (run )?/, ''),
    );
    expect(told.toSorted()).toEqual(Object.keys(scripts).toSorted());
  });
});

function find(parent: Command, name: string): Command {
  const command = parent.commands.find((command) => command.name() === name);
  if (command === undefined) throw new Error(`Expected a verb or action ${name}, found none.`);
  return command;
}

/** As the error of an unknown setting lists them. */
function settingNames(): string[] {
  try {
    readDeploymentConfig({ nope: true });
  } catch (error) {
    if (error instanceof DeploymentConfigError) return error.faults[0]?.split('expected one of ')[1]?.split(', ') ?? [];
    throw error;
  }
  return [];
}
