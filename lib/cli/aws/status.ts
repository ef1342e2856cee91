import { Command } from 'commander';
import { examples } from '../examples.ts';
import { type LiveViewOptions, liveViewOptions, showLive } from './live-view.ts';
import { openStack, regionOption, type StackOptions, stackOption } from './stack-option.ts';
import { statusJson, statusReport } from './status-report.ts';

interface StatusOptions extends StackOptions, LiveViewOptions {}

export function statusCommand(): Command {
  const command = new Command('status')
    .summary('what a deployed stack is doing: queues, tasks, pace, time left')
    .description(
      'Shows queues, dead letters, tasks, pace, time left, cost brake and alarms of a deployed stack. On a terminal the view is drawn again and again until Ctrl-C; anywhere else it is written once.',
    )
    .addOption(stackOption())
    .addOption(regionOption());
  for (const option of liveViewOptions(5)) command.addOption(option);
  return command
    .option('--json', 'one JSON object for each look', false)
    .addHelpText('after', examples('status', 'status --no-watch', 'status --json --watch --interval 60'))
    .action((options: StatusOptions) => status(options));
}

async function status(options: StatusOptions): Promise<void> {
  const stack = await openStack(options);
  const [{ createStateClients, readStackState }, { systemClock: clock }] = await Promise.all([
    import('../../aws/stack-state.ts'),
    import('../../local/system-clock.ts'),
  ]);
  const clients = createStateClients();
  await showLive(options, 'the stack', async () => {
    const state = await readStackState(clients, stack, clock.now());
    return { text: options.json ? `${JSON.stringify(statusJson(stack, state))}\n` : statusReport(stack, state) };
  });
}
