import { describe, expect, it } from 'vitest';
import type { PipelineEvent } from '../../../lib/contracts/event.ts';
import { deliverOutcome, failedOutcome } from '../../../lib/pipeline/deliver-outcome.ts';
import { createStages, type PictureEnd } from '../../../lib/pipeline/observer.ts';
import { createMemoryObjectStore } from '../../support/memory-object-store.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

async function setUp({ confirmSource }: { confirmSource: boolean }) {
  const clock = createVirtualClock();
  const input = createMemoryObjectStore(clock);
  const output = createMemoryObjectStore(clock);
  const ends: PictureEnd[] = [];
  const published: PipelineEvent[] = [];
  const put = await input.put('a.jpg', bytes('one'));
  const etag = put.status === 'stored' ? put.etag : '';
  const error = { code: 'corrupt_image', message: 'm' } as const;
  const ports = {
    input,
    output,
    clock,
    confirmSource,
    events: { publish: async (events: readonly PipelineEvent[]) => void published.push(...events) },
    observer: { stages: createStages(clock), ended: (end: PictureEnd) => void ends.push(end), caught: () => {} },
  };
  return {
    input,
    ends,
    deliver: () => deliverOutcome(ports, failedOutcome(clock, { key: 'a.jpg', etag, model: 'nano-1', error })),
    told: () => [output.objects.size, published.length],
  };
}

describe('delivering an outcome', () => {
  it('stores and publishes it when the picture is unchanged', async () => {
    const { ends, deliver, told } = await setUp({ confirmSource: true });
    await deliver();
    expect(told()).toEqual([1, 1]);
    expect(ends).toEqual([{ end: 'failed', key: 'a.jpg', code: 'corrupt_image' }]);
  });

  it('deletes it again when the picture is gone', async () => {
    const { input, ends, deliver, told } = await setUp({ confirmSource: true });
    await input.delete('a.jpg');
    await deliver();
    expect(told()).toEqual([0, 0]);
    expect(ends).toEqual([{ end: 'gone', key: 'a.jpg' }]);
  });

  it('publishes no event when the picture has changed', async () => {
    const { input, ends, deliver, told } = await setUp({ confirmSource: true });
    await input.put('a.jpg', bytes('two'));
    await deliver();
    expect(told()).toEqual([1, 0]);
    expect(ends).toEqual([{ end: 'superseded', key: 'a.jpg' }]);
  });

  it('does not check the input without confirmSource', async () => {
    const { input, deliver, told } = await setUp({ confirmSource: false });
    await input.delete('a.jpg');
    await deliver();
    expect(told()).toEqual([1, 1]);
  });
});
