import { createStepFunctionsClient } from '../../aws/command-clients.ts';
import { readCostBrake, releaseCostBrake } from '../../aws/cost-brake.ts';
import { systemClock as clock } from '../../local/system-clock.ts';
import { onFirstInterrupt } from '../interrupt.ts';
import { writeOut } from '../terminal/standard-output.ts';
import { ago } from './age.ts';
import { openStack, type StackOptions } from './stack-option.ts';

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
