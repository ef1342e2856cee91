import { extname } from 'node:path';
import { Command, Option } from 'commander';
import type { Outcome } from '../../contracts/outcome.ts';
import { readRegularFile } from '../../files/regular-file.ts';
import { statPath } from '../../local/stat-path.ts';
import type { DeployedStack } from '../../operate/deployed-stack.ts';
import { openStack, type StackOptions } from '../../operate/open-stack.ts';
import type { SmokeStages } from '../../operate/smoke.ts';
import { UsageError } from '../../ports/error.ts';
import { interruptExitCode, onFirstInterrupt } from '../interrupt.ts';
import { examples, samplePicturePath } from '../invocation.ts';
import { number } from '../options/number-option.ts';
import { regionOption, stackCall, stackOption } from '../options/stack-option.ts';
import { type BarStream, duration, eraseLine } from '../terminal/progress-bar.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';

interface SmokeOptions extends StackOptions {
  picture?: string;
  timeout?: number;
  json: boolean;
}

/** Tasks: the first GPU instance takes about four minutes, then its image and model some more. */
const defaultTimeoutSeconds = { tasks: 900, lambda: 180 };

export function smokeCommand(): Command {
  return new Command('smoke')
    .description(
      'Uploads one picture to a deployed stack, waits for its outcome and event, prints the time of each stage, and removes everything.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .option('--picture <file>', 'picture to send (default: a sample)')
    .addOption(
      new Option(
        '--timeout <seconds>',
        `how long to wait for the outcome (default: ${defaultTimeoutSeconds.tasks}, with compute=lambda ${defaultTimeoutSeconds.lambda})`,
      ).argParser(number({ min: 1 })),
    )
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', examples('smoke', 'smoke --stack ImageGpt --timeout 120'))
    .action((options: SmokeOptions) => smoke(options));
}

async function smoke(options: SmokeOptions): Promise<void> {
  const file = options.picture ?? samplePicturePath('animals/cat.jpg');
  if (statPath(file, `picture ${file}`)?.isFile() !== true) throw new UsageError(`picture ${file}: expected a file`);
  const picture = await readRegularFile(file);
  const stack = await openStack(options);
  const { timeout = defaultTimeoutSeconds[stack.outputs.inferFunction === undefined ? 'tasks' : 'lambda'] } = options;
  const { sendSmokePicture, SmokeError } = await import('../../operate/smoke.ts');
  const stop = new AbortController();
  using _ = onFirstInterrupt((signal) => {
    process.exitCode = interruptExitCode(signal);
    stop.abort();
    process.stderr.write('igpt: removing the picture\n');
  });
  using stages = createStageClock();
  const outcome = await sendSmokePicture(stack, {
    picture,
    suffix: extname(file),
    timeoutMs: timeout * 1000,
    stages,
    signal: stop.signal,
    call: stackCall(stack.name),
    onLeftover: (error) => {
      process.stderr.write(`igpt: ${printable(error instanceof Error ? error.message : String(error))}\n`);
    },
  });
  stages.stop();
  if (outcome === undefined || stop.signal.aborted) return;
  await writeOut(
    options.json
      ? `${JSON.stringify(smokeJson(stack, outcome, stages.list()))}\n`
      : smokeReport(stack, outcome, stages.list()),
  );
  if (outcome.status === 'failed') {
    const { code, message } = outcome.error;
    throw new SmokeError('smoke_failed', `the outcome of the picture ${outcome.key} is a failure: ${code}, ${message}`);
  }
}

/** The result as text: the time of each stage, and the prediction. */
function smokeReport({ name, outputs }: DeployedStack, outcome: Outcome, stages: readonly Stage[]): string {
  const all = [...stages, { stage: 'all', seconds: totalSeconds(stages) }];
  const times = table(
    [{ title: 'stage' }, { title: 'seconds', align: 'right' }],
    all.map(({ stage, seconds }) => [stage, seconds.toFixed(1)]),
  );
  const prediction = predictionText(outcome);
  if (prediction === undefined) return times;
  return `${times}\n${printable(`${name} works: ${prediction}, says ${outputs.modelId}`)}\n`;
}

/** Undefined for a failed outcome, which the error describes. */
function predictionText(outcome: Outcome): string | undefined {
  if (outcome.status === 'failed') return undefined;
  const { classification, likelihood } = outcome;
  if (classification !== null) return `${classification.label}, ${(100 * classification.probability).toFixed(1)} %`;
  return likelihood === null ? 'features' : `${likelihood.nats_per_token.toFixed(3)} nats/token`;
}

/** The result as JSON. */
function smokeJson({ name, region }: DeployedStack, outcome: Outcome, stages: readonly Stage[]) {
  const classification = outcome.status === 'succeeded' ? outcome.classification : null;
  return {
    stack: name,
    region,
    key: outcome.key,
    model: outcome.model,
    status: outcome.status,
    label: classification?.label ?? null,
    probability: classification?.probability ?? null,
    error: outcome.status === 'failed' ? outcome.error : null,
    stages,
    seconds: totalSeconds(stages),
  };
}

function totalSeconds(stages: readonly Stage[]): number {
  return stages.reduce((sum, { seconds }) => sum + seconds, 0);
}

/** A stage that has ended. */
interface Stage {
  stage: string;
  /** Time of this stage alone. */
  seconds: number;
}

/** Times consecutive stages, and shows the current one on a terminal. */
interface StageClock extends SmokeStages, Disposable {
  list(): Stage[];
  stop(): void;
}

const redrawMs = 500;

/**
 * @param stream gets a line per stage, and on a terminal a live line: `0:42 waiting for its outcome · tokens queue`
 * @param now milliseconds
 */
export function createStageClock(
  stream: BarStream = process.stderr,
  now = performance.now.bind(performance),
): StageClock {
  const stages: Stage[] = [];
  let begun = now();
  let stageBegun = begun;
  let doing = '';
  let detail = '';
  const terminal = stream.isTTY === true;
  const draw = (): void => {
    if (doing === '') return;
    const words = [doing, detail].filter((part) => part !== '').join(' · ');
    stream.write(eraseLine + `${duration((now() - begun) / 1000)} ${words}`.slice(0, (stream.columns || 80) - 1));
  };
  const timer = terminal ? setInterval(draw, redrawMs) : undefined;
  timer?.unref();

  function stop(): void {
    clearInterval(timer);
    if (terminal && doing !== '') stream.write(eraseLine);
    doing = '';
  }

  return {
    start(what) {
      begun = now();
      stageBegun = begun;
      doing = what;
    },
    done(stage, next) {
      const at = now();
      stages.push({ stage, seconds: (at - stageBegun) / 1000 });
      stageBegun = at;
      doing = next;
      detail = '';
      if (terminal) stream.write(eraseLine);
      stream.write(`${duration((at - begun) / 1000)} ${stage}\n`);
    },
    note(text) {
      detail = text;
    },
    list: () => [...stages],
    stop,
    [Symbol.dispose]: stop,
  };
}
