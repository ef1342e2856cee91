import { Command, Option } from 'commander';
import { examples } from '../examples.ts';
import { interruptExitCode, onFirstInterrupt } from '../interrupt.ts';
import { number } from '../options/number-option.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { openStack, regionOption, type StackOptions, stackOption } from './stack-option.ts';
import { statusJson, statusReport } from './status-report.ts';

interface StatusOptions extends StackOptions {
  watch?: boolean;
  interval: number;
  json: boolean;
}

export function statusCommand(): Command {
  return new Command('status')
    .summary('what a deployed stack is doing: queues, tasks, pace, time left')
    .description(
      'Shows queues, dead letters, tasks, pace, time left, cost brake and alarms of a deployed stack. On a terminal the view is drawn again and again until Ctrl-C; anywhere else it is written once.',
    )
    .addOption(stackOption())
    .addOption(regionOption())
    .addOption(new Option('--watch', 'go on, also where standard output is no terminal'))
    .addOption(new Option('--no-watch', 'once, also on a terminal'))
    .addOption(new Option('--interval <seconds>', 'between two looks').default(5).argParser(number({ min: 1 })))
    .option('--json', 'one JSON object for each look', false)
    .addHelpText('after', examples('status', 'status --no-watch', 'status --json --watch --interval 60'))
    .action((options: StatusOptions) => status(options));
}

/** Cursor to the upper left corner; what was there stays until it is written over, so that nothing flickers. */
const HOME = '\u001b[H';
const ERASE_LINE_REST = '\u001b[K';
const ERASE_BELOW = '\u001b[J';
const CLEAR = '\u001b[2J';

async function status(options: StatusOptions): Promise<void> {
  const { json, interval } = options;
  const terminal = process.stdout.isTTY === true && !json;
  const watch = options.watch ?? terminal;
  const stack = await openStack(options);
  const [{ createStateClients, readStackState }, { commandError }, { systemClock: clock }] = await Promise.all([
    import('../../aws/stack-state.ts'),
    import('../../aws/command-error.ts'),
    import('../../local/system-clock.ts'),
  ]);
  const clients = createStateClients();
  const look = async (): Promise<string> => {
    const state = await readStackState(clients, stack, clock.now());
    return json ? `${JSON.stringify(statusJson(stack, state))}\n` : statusReport(stack, state);
  };
  if (!watch) return writeOut(await look());

  const stop = new AbortController();
  using _ = onFirstInterrupt((signal) => {
    stop.abort();
    process.exitCode = interruptExitCode(signal);
  });
  if (terminal) await writeOut(CLEAR);
  for (let first = true; !stop.signal.aborted; first = false) {
    const text = await look().catch((error: unknown) => {
      const explained = commandError('look at the stack', error);
      // At a second look the network may be away for a moment.
      if (first || explained.code !== 'unreachable') throw explained;
      return terminal ? `${printable(explained.message)}; still trying\n` : '';
    });
    await writeOut(terminal ? redrawn(text, process.stdout) : text);
    await clock.sleep(interval * 1000, stop.signal);
  }
}

/** `text` in place of what stands on the screen, wrapped and cut to its size: what scrolls could not be drawn over. */
export function redrawn(text: string, { rows = 24, columns = 80 }: { rows?: number; columns?: number }): string {
  const wide = new RegExp(`.{1,${Math.max(columns - 1, 1)}}`, 'gu');
  const lines = text
    .trimEnd()
    .split('\n')
    .flatMap((line) => line.match(wide) ?? ['']);
  return (
    HOME +
    lines
      .slice(0, rows - 1)
      .map((line) => `${line}${ERASE_LINE_REST}\n`)
      .join('') +
    ERASE_BELOW
  );
}
