import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock as clock } from '../../local/system-clock.ts';
import { ago } from '../../operate/age.ts';
import type { Check } from '../../operate/doctor-checks.ts';
import type { DoctorContext } from '../../operate/doctor-config.ts';
import { openStack, type StackOptions, useRegion } from '../../operate/open-stack.ts';
import { ImageGptError, UsageError } from '../../ports/error.ts';
import { onFirstInterrupt } from '../interrupt.ts';
import { examples } from '../invocation.ts';
import { regionOption, stackCall, stackOption } from '../options/stack-option.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { printable } from '../terminal/text.ts';

interface DoctorOptions extends StackOptions {
  model?: string;
  context?: DoctorContext;
  release: boolean;
  clean: boolean;
  json: boolean;
}

/** At least one check failed. The report says which. */
class DoctorError extends ImageGptError {}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Checks what a deployment needs (credentials, region, bootstrap, Docker, quotas, the model) and the deployed stack, and says what to do. --release releases the cost brake.',
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
      new Option('-c, --context <name=value>', 'setting of the deployment, as for cdk deploy; repeatable').argParser(
        contextEntry,
      ),
    )
    .option(
      '--release',
      'release the cost brake: tasks may start, and uploads are processed again; after a daily limit, for the rest of the UTC day',
      false,
    )
    .option('--clean', 'remove what a killed igpt tail or igpt smoke left in the account', false)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', examples('doctor', 'doctor -c compute=lambda', 'doctor --stack ImageGpt --release'))
    .action((options: DoctorOptions, command: Command) =>
      doctor(options, { stackGiven: command.getOptionValueSource('stack') === 'cli' }),
    );
}

/** Parses `-c name=value` and adds it to the entries before it. */
export function contextEntry(text: string, before: DoctorContext = {}): DoctorContext {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('expected name=value');
  return { ...before, [name]: value };
}

async function doctor(options: DoctorOptions, { stackGiven }: { stackGiven: boolean }): Promise<void> {
  if (options.release && options.clean) throw new UsageError('--release and --clean: give one of them');
  if (options.release) return release(options);
  if (options.clean) return clean(options);
  const { stack, region, model, context = {}, json } = options;
  useRegion(region);
  const { examine } = await import('../../operate/doctor.ts');
  const checks = await examine({ stack, stackGiven, model, context, call: stackCall(stack) });
  const failed = checks.filter(({ level }) => level === 'fail').length;
  await writeOut(json ? `${JSON.stringify({ ok: failed === 0, checks })}\n` : doctorReport(checks, process.stdout));
  if (failed > 0) {
    throw new DoctorError('doctor_failed', `${failed} of ${checks.length} checks failed; each says what to do`);
  }
}

const marks = { ok: 'ok', warn: 'warn', fail: 'FAIL', skip: '-' } as const;
const colors = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'dim' } as const;

/** One line per check, and the advice below it. Coloured if `stream` supports colours. */
function doctorReport(checks: readonly Check[], stream: Writable): string {
  return checks
    .map(({ level, name, found, advice }) => {
      const mark = styleText(colors[level], marks[level].padEnd(4), { stream });
      const adviceLine = advice === null ? '' : `      → ${printable(advice)}\n`;
      return `${mark}  ${printable(`${name}: ${found}`)}\n${adviceLine}`;
    })
    .join('');
}

/** `igpt doctor --clean` removes what killed verbs left behind. */
async function clean(options: DoctorOptions): Promise<void> {
  const stack = await openStack(options);
  const { removeLeftovers } = await import('../../operate/leftovers.ts');
  const removed = await removeLeftovers(stack);
  await writeOut(
    options.json
      ? `${JSON.stringify({ stack: stack.name, removed })}\n`
      : removed.length === 0
        ? `nothing was left behind in ${stack.name}\n`
        : removed.map((leftover) => `removed ${leftover}\n`).join(''),
  );
}

/** Steps of the stack's release state machine. The numbers count its services and event source mappings. */
const stepTexts: Readonly<Record<string, string>> = {
  AllowGrowth1: 'the service may start tasks again',
  AllowGrowth2: 'the on-demand service may start tasks again',
  TakeMessages1: 'uploads are processed again',
  TakeMessages2: 'backfills are processed again',
  TakeMessages3: 'tokens are processed again',
};

/** `igpt doctor --release` releases the cost brake and prints the completed steps. */
async function release(options: DoctorOptions): Promise<void> {
  const stack = await openStack(options);
  const [{ createStepFunctionsClient }, { readCostBrake, releaseCostBrake }] = await Promise.all([
    import('../../operate/clients.ts'),
    import('../../operate/cost-brake.ts'),
  ]);
  const client = createStepFunctionsClient();
  const { state, since, limit } = await readCostBrake(client, stack.outputs);
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
  const when = since === null ? '' : `, which has held since ${ago(since, clock.now())}`;
  process.stderr.write(`igpt: releasing the cost brake of ${stack.name}${when}\n`);
  const steps = await releaseCostBrake({ client, outputs: stack.outputs, clock, signal: stop.signal });
  const lines = steps.map((step) => `${stepTexts[step] ?? step}\n`);
  await writeOut(
    options.json
      ? `${JSON.stringify({ stack: stack.name, released: true, steps })}\n`
      : `the cost brake of ${stack.name} is released\n${lines.join('')}${limit === null ? '' : `the daily limit of ${limit.usd} USD counts again from 00:00 UTC on\n`}`,
  );
}
