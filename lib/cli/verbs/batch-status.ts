import type { BatchClient } from '@aws-sdk/client-batch';
import { Command } from 'commander';
import { jobKeys, jobSummary } from '../../contracts/job.ts';
import { storedShards } from '../../jobs/shard.ts';
import { readJson } from '../../jobs/stored-json.ts';
import { systemClock as clock } from '../../local/system-clock.ts';
import { type JobStatus, jobNotes, jobOutlook, waitingKind } from '../../operate/job-outlook.ts';
import type { StackOptions } from '../../operate/open-stack.ts';
import { openSubmittedJob, type SubmittedJob } from '../../operate/submitted-job.ts';
import { examples } from '../invocation.ts';
import { regionOption, stackCall, stackOption } from '../options/stack-option.ts';
import { type LiveViewOptions, liveViewOptions, showLive } from '../terminal/live-view.ts';
import { duration, progressLine } from '../terminal/progress-bar.ts';
import { table } from '../terminal/table.ts';
import { printable } from '../terminal/text.ts';

interface BatchStatusOptions extends StackOptions, LiveViewOptions {}

export function batchStatusCommand(): Command {
  const command = new Command('status')
    .summary('progress and cost of a job on AWS, and why it waits')
    .description(
      'Shows how many shards of a submitted job are done, the time left, the cost so far, and why children wait or have failed. On a terminal the view is updated until the job is done or Ctrl-C is pressed; otherwise it is written once.',
    )
    .argument('<dst>', 'name or s3://bucket/prefix of a submitted job')
    .addOption(stackOption())
    .addOption(regionOption());
  for (const option of liveViewOptions(10)) command.addOption(option);
  return command
    .option('--json', 'one JSON object for each update', false)
    .addHelpText('after', examples('batch status 2026', 'batch status 2026 --json --watch --interval 60'))
    .action((dst: string, options: BatchStatusOptions) => batchStatus(dst, options));
}

async function batchStatus(dst: string, options: BatchStatusOptions): Promise<void> {
  const submitted = await openSubmittedJob(dst, options);
  const { createBatchClient } = await import('../../operate/clients.ts');
  const client = createBatchClient();
  await showLive(options, 'the job', async () => {
    const state = await readState(client, submitted);
    const text = options.json ? `${JSON.stringify(jobStatusJson(state))}\n` : jobStatusText(state);
    return { text, last: state.summary !== undefined };
  });
}

async function readState(
  client: BatchClient,
  { queue, name, stack, place, output, job }: SubmittedJob,
): Promise<JobStatus> {
  const [{ findJob }, { readJobState }, { readMachines }] = await Promise.all([
    import('../../operate/aws-job.ts'),
    import('../../operate/job-state.ts'),
    import('../../operate/job-machines.ts'),
  ]);
  const at = clock.now();
  const [stored, success, found, machines] = await Promise.all([
    storedShards(output, job),
    output.head(jobKeys.success),
    findJob(client, queue, name),
    readMachines(client, queue),
  ]);
  const summary = success === undefined ? undefined : await readJson(output, jobKeys.summary, jobSummary);
  return {
    at,
    job,
    place,
    machines,
    stored,
    stack: stack.name,
    summary,
    aws: found && (await readJobState(client, found, at)),
  };
}

/** The state of a job as text. */
export function jobStatusText(state: JobStatus): string {
  const { at, job, place, summary, aws } = state;
  const { shards, pictures, shardsPerSecond } = jobOutlook(state);
  const head = `job ${job.id} at ${printable(place)}, model ${job.settings.model}, ${at.toTimeString().slice(0, 8)}`;
  const bar = progressLine(
    {
      done: shards,
      total: job.shards.length,
      unit: 'shards',
      perSecond: shardsPerSecond ?? undefined,
      note: `${pictures} of ${job.pictures} pictures`,
    },
    Math.max(process.stdout.columns ?? 80, 40) - 1,
  );
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const children =
    aws === undefined
      ? []
      : [
          table(
            [{ title: 'on AWS' }, ...['waiting', 'starting', 'running', 'succeeded', 'failed'].map(right)],
            [[aws.status, ...Object.values(aws.children).map(String)]],
          ),
        ];
  const ended =
    summary === undefined
      ? []
      : [`done: ${summary.succeeded} pictures succeeded, ${summary.failed} failed; see _summary.json\n`];
  return [`${head}\n`, `${bar}\n`, ...children, costText(state), ...ended, notesText(state)]
    .filter((part) => part !== '')
    .join('\n');
}

function costText(state: JobStatus): string {
  const { aws, machines } = state;
  const { costUsd } = jobOutlook(state);
  if (aws === undefined) return '';
  const kind = machines.instanceTypes.length === 0 ? 'Fargate' : machines.instanceTypes.join(', ');
  const spent = `${duration(aws.machineSeconds)} of ${kind} on Spot`;
  return costUsd === null
    ? `${spent}; the price of this instance type is not known\n`
    : `cost so far: about ${costUsd.toFixed(2)} USD (${spent})\n`;
}

function notesText(state: JobStatus): string {
  return jobNotes(state, stackCall(state.stack))
    .map((line) => `${printable(line)}\n`)
    .join('');
}

/** The state of a job as JSON. */
function jobStatusJson(state: JobStatus) {
  const { at, job, place, machines, summary, aws } = state;
  const { shards, pictures, secondsLeft, costUsd } = jobOutlook(state);
  const words = aws !== undefined && aws.children.waiting > 0 ? (aws.waitsFor ?? machines.trouble) : null;
  return {
    job: job.id,
    out: place,
    model: job.settings.model,
    at: at.toISOString(),
    done: summary !== undefined,
    shards: job.shards.length,
    shards_done: shards,
    pictures: job.pictures,
    pictures_done: pictures,
    seconds_left: summary === undefined ? secondsLeft : 0,
    cost_usd: costUsd,
    aws_job: aws === undefined ? null : { id: aws.id, status: aws.status, children: aws.children },
    waits_for: words === null ? null : { kind: waitingKind(words), reason: words },
    failures: aws?.failures ?? [],
  };
}
