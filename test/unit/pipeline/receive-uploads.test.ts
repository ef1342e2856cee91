import { beforeEach, describe, expect, it } from 'vitest';
import { MessageError, messageText } from '../../../lib/contracts/message-text.ts';
import { createReceiveUploads } from '../../../lib/pipeline/receive-uploads.ts';
import type { QueueMessage } from '../../../lib/ports/queue.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../../support/memory-object-store.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const clock = createVirtualClock();
let input: MemoryObjectStore;
let output: MemoryObjectStore;
/** Bodies that reached preprocess. */
let references: unknown[];
let whenAsked: () => Promise<void>;

beforeEach(() => {
  input = createMemoryObjectStore(clock);
  output = createMemoryObjectStore(clock);
  references = [];
  whenAsked = async () => {};
});

async function receive(body: unknown): Promise<void> {
  const flow = createReceiveUploads({
    bucket: 'pictures',
    input,
    output: {
      ...output,
      async delete(key, condition) {
        await whenAsked();
        await output.delete(key, condition);
      },
    },
    model: 'nano-1',
    async preprocess(message) {
      references.push(JSON.parse(message.body));
    },
  });
  await flow(delivery(typeof body === 'string' ? body : messageText(body)));
}

const delivery = (body: string): QueueMessage => ({
  body,
  receipt: 'receipt',
  receiveCount: 1,
  lastReceive: false,
  sentAt: clock.now(),
});

/** As S3 sends it, with much that we don't read. */
const record = (eventName: string, object: object, bucket = 'pictures') => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  awsRegion: 'eu-west-1',
  eventTime: '2026-11-24T12:00:00.000Z',
  eventName,
  userIdentity: { principalId: 'AWS:SOMEBODY' },
  s3: { s3SchemaVersion: '1.0', configurationId: 'c', bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` }, object },
});
const notification = (...records: object[]) => ({ Records: records });
const reference = (key: string, etag?: string) => ({
  schema_version: 1,
  type: 'reference',
  key,
  ...(etag && { etag }),
});

const bytes = (text: string) => new TextEncoder().encode(text);
const resultFile = (key: string) => `results/nano-1/${key}.json`;

async function putOutcome(key: string, etag: string): Promise<void> {
  const error = { code: 'corrupt_image', message: 'm' };
  const about = { schema_version: 1, key, etag, model: 'nano-1', created_at: '2026-11-24T12:00:00.000Z' };
  await output.put(resultFile(key), bytes(JSON.stringify({ ...about, status: 'failed', error })));
}

describe('what comes into the uploads queue', () => {
  it('is our own reference, which goes on as it is', async () => {
    await receive(reference('a.jpg', '"abc"'));
    expect(references).toEqual([reference('a.jpg', '"abc"')]);
  });

  it('is a new object: a reference to that version, its key decoded, its ETag quoted', async () => {
    const object = { key: 'my+cats/%F0%9F%90%88%2B1.jpg', size: 5, eTag: 'abc', sequencer: '0055AED6DCD90281E5' };
    await receive(notification(record('ObjectCreated:Put', object)));
    expect(references).toEqual([reference('my cats/🐈+1.jpg', '"abc"')]);
  });

  it('may be several records, of which each counts', async () => {
    await receive(
      notification(
        record('ObjectCreated:Copy', { key: 'a', eTag: '1' }),
        record('ObjectRestore:Completed', { key: 'b', eTag: '2' }),
        record('ObjectCreated:CompleteMultipartUpload', { key: 'c' }),
        record('ObjectTagging:Put', { key: 'd' }),
        record('ObjectRestore:Post', { key: 'e' }),
      ),
    );
    expect(references).toEqual([reference('a', '"1"'), reference('b', '"2"'), reference('c')]);
  });

  it('is a test event, which is for nobody', async () => {
    await receive({ Service: 'Amazon S3', Event: 's3:TestEvent', Time: '2026-11-24', Bucket: 'pictures' });
    expect(references).toEqual([]);
  });

  it.each([
    ['no JSON', 'nonsense'],
    ['nothing that we know', { hello: 1 }],
    ['no records', notification()],
    ['another version of our message', { ...reference('a'), schema_version: 2 }],
    ['another bucket', notification(record('ObjectCreated:Put', { key: 'a', eTag: '1' }, 'elsewhere'))],
    ['a key that is not encoded', notification(record('ObjectCreated:Put', { key: '100%', eTag: '1' }))],
    ['bytes that are no UTF-8', notification(record('ObjectCreated:Put', { key: '%FF%FE', eTag: '1' }))],
    ['another service', notification({ ...record('ObjectCreated:Put', { key: 'a' }), eventSource: 'aws:other' })],
  ])('is refused when it is %s', async (_, body) => {
    await expect(receive(body)).rejects.toThrow(MessageError);
    expect(references).toEqual([]);
  });
});

describe('a removed picture', () => {
  const removal = notification(record('ObjectRemoved:Delete', { key: 'a+b.jpg' }));

  it('loses its outcome', async () => {
    await putOutcome('a b.jpg', '"old"');
    await receive(removal);
    expect(output.objects.size).toBe(0);
    expect(references).toEqual([]);
  });

  it('may have had none, and may have expired', async () => {
    await receive(notification(record('LifecycleExpiration:DeleteMarkerCreated', { key: 'a' })));
    expect(references).toEqual([]);
  });

  it('keeps the outcome of the version that is there again', async () => {
    const put = await input.put('a b.jpg', bytes('new'));
    await putOutcome('a b.jpg', put.status === 'stored' ? put.etag : '');
    await receive(removal);
    expect(output.objects.size).toBe(1);
    expect(references).toEqual([]);
  });

  it('keeps the outcome that it gets when it comes back in the middle', async () => {
    await putOutcome('a b.jpg', '"old"');
    whenAsked = () => putOutcome('a b.jpg', '"new"');
    await receive(removal);
    expect(output.text(resultFile('a b.jpg'))).toContain('new');
  });
});
