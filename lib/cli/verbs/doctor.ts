import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { Command, InvalidArgumentError, Option } from 'commander';
import { createS3Client, createSnsClient, createSqsClient } from '../../aws/clients.ts';
import { systemClock as clock } from '../../local/system-clock.ts';
import { ago } from '../../operate/age.ts';
import { createStepFunctionsClient } from '../../operate/clients.ts';
import { readCostBrake, releaseCostBrake } from '../../operate/cost-brake.ts';
import { openStack, useRegion } from '../../operate/deployed-stack.ts';
import type { DoctorContext } from '../../operate/doctor.ts';
import type { Check } from '../../operate/doctor-checks.ts';
import { findLeftTaps, removeTaps } from '../../operate/event-tap.ts';
import { findLeftPictures, remove } from '../../operate/smoke-picture.ts';
import { ImageGptError, UsageError } from '../../ports/error.ts';
import { onFirstInterrupt } from '../interrupt.ts';
import { examples } from '../invocation.ts';
import { regionOption, type StackOptions, stackOption } from '../options/stack-option.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';

export interface DoctorOptions extends StackOptions {
  model?: string;
  context?: DoctorContext;
  release: boolean;
  clean: boolean;
  json: boolean;
}

/** Something stands in the way; the report says what. */
class DoctorError extends ImageGptError {}

export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('what stands in the way of deploying, or of a deployed stack')
    .description(
      'Looks at what a deployment needs (credentials, region, bootstrap, Docker, GPU quotas, the model) and at the stack, where it is deployed, and says what to do. With --release it lets the work go on after the cost brake.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .addOption(
      new Option(
        '--model <model>',
        'checkpoint directory or s3://bucket/prefix (default: cdk.json’s, the stack’s, or igpt-nano)',
      ),
    )
    .addOption(
      new Option(
        '-c, --context <name=value>',
        'setting of the deployment, as for cdk deploy; may be given more than once',
      ).argParser(contextEntry),
    )
    .option('--release', 'release the cost brake: tasks may start and pictures are taken in again', false)
    .option('--clean', 'remove what a killed igpt tail or igpt smoke has left in the account', false)
    .option('--json', 'as one JSON object', false)
    .addHelpText(
      'after',
      examples('doctor', 'doctor -c compute=cpu -c imageBuild=codebuild', 'doctor --stack ImageGpt --release'),
    )
    .action((options: DoctorOptions, command: Command) =>
      doctor(options, { stackGiven: command.getOptionValueSource('stack') === 'cli' }),
    );
}

async function doctor(options: DoctorOptions, { stackGiven }: { stackGiven: boolean }): Promise<void> {
  if (options.release && options.clean) throw new UsageError('--release and --clean: give one of them');
  useRegion(options.region);
  if (options.release) return (await import('./doctor.ts')).release(options);
  if (options.clean) return (await import('./doctor.ts')).clean(options);
  const [{ examine }, { doctorReport }] = await Promise.all([import('../../operate/doctor.ts'), import('./doctor.ts')]);
  const checks = await examine(options, stackGiven);
  const failed = checks.filter(({ level }) => level === 'fail').length;
  await writeOut(
    options.json ? `${JSON.stringify({ ok: failed === 0, checks })}\n` : doctorReport(checks, process.stdout),
  );
  if (failed > 0)
    throw new DoctorError('doctor_failed', `${failed} of ${checks.length} checks failed; each says what to do`);
}

/** `igpt doctor --clean`: removes what killed commands have left. */
export async function clean(options: StackOptions & { json: boolean }): Promise<void> {
  const stack = await openStack(options);
  const about = { sqs: createSqsClient(), sns: createSnsClient(), stack, clock };
  const taps = await findLeftTaps(about);
  await removeTaps(taps, about);
  const s3 = createS3Client();
  const pictures = await findLeftPictures(s3, stack.outputs.inputBucket, clock.now());
  for (const picture of pictures) await remove(s3, picture);
  const removed = [...taps.map(({ name }) => `queue ${name}`), ...pictures.map(({ key }) => `picture ${key}`)];
  await writeOut(
    options.json
      ? `${JSON.stringify({ stack: stack.name, removed })}\n`
      : removed.length === 0
        ? `nothing was left behind in ${stack.name}\n`
        : removed.map((what) => `removed ${what}\n`).join(''),
  );
}

/** What the steps of the stack's release machine do, in the order of its services and event source mappings. */
const words: Readonly<Record<string, string>> = {
  AllowGrowth1: 'the service may start tasks again',
  AllowGrowth2: 'the on-demand service may start tasks again',
  TakeMessages1: 'uploads are taken in again',
  TakeMessages2: 'backfills are taken in again',
};

/** `igpt doctor --release`: starts the stack's release machine, waits for it and says what it did. */
export async function release(options: StackOptions & { json: boolean }): Promise<void> {
  const stack = await openStack(options);
  const client = createStepFunctionsClient();
  const { state, since } = await readCostBrake(client, stack.outputs);
  if (state === 'released') {
    await writeOut(
      options.json
        ? `${JSON.stringify({ stack: stack.name, released: false, steps: [] })}\n`
        : `the cost brake of ${stack.name} does not hold; nothing to release\n`,
    );
    return;
  }
  const stop = new AbortController();
  using _ = onFirstInterrupt(() => stop.abort());
  const when = since === null ? '' : `, which holds since ${ago(since, clock.now())}`;
  process.stderr.write(`igpt: releasing the cost brake of ${stack.name}${when}\n`);
  const steps = await releaseCostBrake({ client, outputs: stack.outputs, clock, signal: stop.signal });
  if (options.json) {
    await writeOut(`${JSON.stringify({ stack: stack.name, released: true, steps })}\n`);
    return;
  }
  const done = steps.map((step) => `${words[step] ?? step}\n`);
  await writeOut(`the cost brake of ${stack.name} is released\n${done.join('')}`);
}

const marks = { ok: 'ok', warn: 'warn', fail: 'FAIL', skip: '-' } as const;
const colors = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'dim' } as const;

/** One line for each check, and below it what to do; colours where `stream` shows them. */
export function doctorReport(checks: readonly Check[], stream: Writable): string {
  return checks
    .map(({ level, name, found, advice }) => {
      const mark = styleText(colors[level], marks[level].padEnd(4), { stream });
      const todo = advice === null ? '' : `      → ${printable(advice)}\n`;
      return `${mark}  ${printable(`${name}: ${found}`)}\n${todo}`;
    })
    .join('');
}

/** Parser of `-c name=value`, as often as given. */
export function contextEntry(text: string, before: DoctorContext = {}): DoctorContext {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('expected name=value');
  return { ...before, [name]: value };
}
