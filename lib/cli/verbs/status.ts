import { Command } from 'commander';
import { age } from '../../operate/age.ts';
import type { DeployedStack } from '../../operate/deployed-stack.ts';
import { openStack, type StackOptions } from '../../operate/open-stack.ts';
import { notes, type Outlook, outlook, troublesOf } from '../../operate/stack-outlook.ts';
import { deadLetterNames, queueNames } from '../../operate/stack-queues.ts';
import type { StackState } from '../../operate/stack-state.ts';
import { examples } from '../invocation.ts';
import { regionOption, stackCall, stackOption } from '../options/stack-option.ts';
import { type LiveViewOptions, liveViewOptions, showLive } from '../terminal/live-view.ts';
import { duration } from '../terminal/progress-bar.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';

interface StatusOptions extends StackOptions, LiveViewOptions {}

export function statusCommand(): Command {
  const command = new Command('status')
    .description(
      'Shows queues, dead-letter queues, tasks or the inference function, throughput, time left, cost brake and alarms of a deployed stack. Repeats on a terminal until Ctrl-C; elsewhere it prints once.',
    )
    .addOption(stackOption())
    .addOption(regionOption());
  for (const option of liveViewOptions(5)) command.addOption(option);
  return command
    .option('--json', 'print one JSON object per update', false)
    .addHelpText('after', examples('status', 'status --no-watch', 'status --json --watch --interval 60'))
    .action((options: StatusOptions) => status(options));
}

async function status(options: StatusOptions): Promise<void> {
  const stack = await openStack(options);
  const [{ createStateClients, readStackState }, { systemClock: clock }] = await Promise.all([
    import('../../operate/stack-state.ts'),
    import('../../local/system-clock.ts'),
  ]);
  const clients = createStateClients();
  await showLive(options, 'the stack', async () => {
    const state = await readStackState(clients, stack, clock.now());
    return { text: options.json ? `${JSON.stringify(statusJson(stack, state))}\n` : statusReport(stack, state) };
  });
}

/** The state of a stack as text. */
export function statusReport({ name, region, outputs, status }: DeployedStack, state: StackState): string {
  const { at, queues, deadLetters, metrics } = state;
  const queueRows = queueNames.map((queue) => {
    const { waiting, inFlight } = queues[queue];
    return [queue, String(waiting), String(inFlight), oldest(waiting + inFlight, metrics.oldest[queue])];
  });
  const deadRows = deadLetterNames.map((queue) => {
    const { waiting, inFlight } = deadLetters[queue];
    const oldestAge = oldest(waiting + inFlight, metrics.oldestDeadLetter[queue]);
    return [`dead letters of ${queue}`, String(waiting), String(inFlight), oldestAge];
  });
  return [
    `${name} in ${region} (${status}), model ${outputs.modelId}, ${at.toTimeString().slice(0, 8)}\n`,
    table([{ title: 'queue' }, right('messages'), right('in flight'), right('oldest')], [...queueRows, ...deadRows]),
    tasksTable(state),
    functionTable(state),
    `${outlookText(outlook(state), metrics.failedPerSecond)}\n`,
    notes(state, stackCall(name))
      .map((line) => `${printable(line)}\n`)
      .join(''),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

const right = (title: string) => ({ title, align: 'right' }) as const;

function tasksTable({ services }: StackState): string {
  if (services.length === 0) return '';
  return table(
    [{ title: 'tasks' }, right('wanted'), right('running'), right('starting')],
    services.map(({ role, desired, running, pending }) => [role, ...[desired, running, pending].map(String)]),
  );
}

/** The calls are those of the last five minutes. */
function functionTable({ infer, metrics }: StackState): string {
  if (infer === null) return '';
  const { name, exists, state, mapping, memoryMb, timeoutSeconds } = infer;
  const { made, failed, throttled } = metrics.inferCalls;
  const limits = [mapping?.maxConcurrency ?? null, infer.reserved].filter((limit) => limit !== null);
  const unit = (value: number | null, of: string) => (value === null ? '-' : `${value} ${of}`);
  const facts = table(
    [
      { title: 'function' },
      { title: 'state' },
      { title: 'tokens' },
      ...['at most', 'memory', 'timeout', 'calls', 'failed', 'throttled'].map(right),
    ],
    [
      [
        name,
        exists ? (state ?? '-') : 'missing',
        mapping?.state ?? '-',
        unit(limits.length === 0 ? null : Math.min(...limits), 'at once'),
        unit(memoryMb, 'MB'),
        unit(timeoutSeconds, 's'),
        ...[made, failed, throttled].map(String),
      ],
    ],
  );
  return infer.logGroup === null ? facts : `${facts}its log: ${printable(infer.logGroup)}\n`;
}

function oldest(messages: number, seconds: number | null): string {
  return messages === 0 || seconds === null ? '-' : age(seconds);
}

function outlookText({ outstanding, picturesPerSecond, secondsLeft }: Outlook, failedPerSecond: number): string {
  const failed = failedPerSecond === 0 ? '' : ` (${((100 * failedPerSecond) / picturesPerSecond).toFixed(1)} % failed)`;
  const pace =
    picturesPerSecond === 0
      ? 'no picture has ended in the last five minutes'
      : `${picturesPerSecond.toPrecision(3)} pictures/s in the last five minutes${failed}`;
  if (outstanding === 0) return `${pace}; no picture is waiting`;
  const left = secondsLeft === null ? 'time left unknown' : `about ${duration(secondsLeft)} left`;
  return `${pace}; about ${outstanding} pictures outstanding, ${left}`;
}

/** The state of a stack as JSON. */
export function statusJson({ name, region, account, status, outputs }: DeployedStack, state: StackState) {
  const { at, queues, deadLetters, services, infer, brake, alarms, metrics } = state;
  const { outstanding, picturesPerSecond, secondsLeft } = outlook(state);
  return {
    stack: name,
    region,
    account,
    stack_status: status,
    model: outputs.modelId,
    at: at.toISOString(),
    queues: queueNames.map((queue) => ({
      queue,
      messages: queues[queue].waiting,
      in_flight: queues[queue].inFlight,
      oldest_seconds: metrics.oldest[queue],
    })),
    dead_letters: deadLetterNames.map((queue) => ({
      queue,
      messages: deadLetters[queue].waiting,
      in_flight: deadLetters[queue].inFlight,
      oldest_seconds: metrics.oldestDeadLetter[queue],
    })),
    tasks: services.map(({ role, desired, running, pending, trouble, stopped }) => ({
      service: role,
      desired,
      running,
      pending,
      trouble,
      stopped: stopped.map(({ reason, advice, tasks, last }) => ({
        reason,
        advice,
        tasks,
        last: last?.toISOString() ?? null,
      })),
    })),
    function:
      infer === null
        ? null
        : {
            name: infer.name,
            exists: infer.exists,
            state: infer.state,
            model: infer.modelId,
            memory_mb: infer.memoryMb,
            timeout_seconds: infer.timeoutSeconds,
            log_group: infer.logGroup,
            reserved_concurrency: infer.reserved,
            tokens_mapping: infer.mapping?.state ?? null,
            max_concurrency: infer.mapping?.maxConcurrency ?? null,
            calls: metrics.inferCalls.made,
            failed_calls: metrics.inferCalls.failed,
            throttled_calls: metrics.inferCalls.throttled,
            troubles: troublesOf(state, stackCall(name)).map(({ words, lasting }) => ({ words, lasting })),
          },
    outstanding_pictures: outstanding,
    pictures_per_second: picturesPerSecond,
    failed_per_second: metrics.failedPerSecond,
    seconds_left: secondsLeft,
    cost_brake: {
      state: brake.state,
      since: brake.since?.toISOString() ?? null,
      failed: brake.failed,
      daily_limit: brake.limit,
    },
    alarms: alarms.map(({ name, description, since }) => ({ name, description, since: since?.toISOString() ?? null })),
  };
}
