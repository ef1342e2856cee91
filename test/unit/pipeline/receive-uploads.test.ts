import { beforeEach, describe, expect, it } from 'vitest';
import { MessageError, messageText } from '../../../lib/contracts/message-text.ts';
import type { PictureToRead } from '../../../lib/pipeline/preprocess.ts';
import { createReceiveUploads } from '../../../lib/pipeline/receive-uploads.ts';
import type { ObjectStore } from '../../../lib/ports/object-store.ts';
import type { QueueMessage } from '../../../lib/ports/queue.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../../support/memory-object-store.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const clock = createVirtualClock();
let input: MemoryObjectStore;
let output: MemoryObjectStore;
/** Pictures that reached preprocess. */
let pictures: PictureToRead[];
let beforeDelete: () => Promise<void>;

beforeEach(() => {
  input = createMemoryObjectStore(clock);
  output = createMemoryObjectStore(clock);
  pictures = [];
  beforeDelete = async () => {};
});

async function receive(body: unknown): Promise<void> {
  const slowOutput: ObjectStore = {
    ...output,
    async delete(key, condition) {
      await beforeDelete();
      await output.delete(key, condition);
    },
  };
  const bucketEvents = { bucket: 'pictures', input, output: slowOutput, model: 'nano-1' };
  await createReceiveUploads({ preprocess, bucketEvents })(message(body));
}

async function preprocess({ key, etag }: PictureToRead): Promise<void> {
  pictures.push({ key, etag });
}

const message = (body: unknown): QueueMessage => ({
  body: typeof body === 'string' ? body : messageText(body),
  receipt: 'receipt',
  receiveCount: 1,
  lastReceive: false,
  sentAt: clock.now(),
});

/** As S3 sends it, with fields that we do not read. */
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

describe('the uploads queue of a bucket', () => {
  it('hands a reference to preprocess', async () => {
    await receive(reference('a.jpg', '"abc"'));
    expect(pictures).toEqual([{ key: 'a.jpg', etag: '"abc"' }]);
  });

  it('hands that version of a new object to preprocess, its key decoded and its ETag quoted', async () => {
    const object = { key: 'my+cats/%F0%9F%90%88%2B1.jpg', size: 5, eTag: 'abc', sequencer: '0055AED6DCD90281E5' };
    await receive(notification(record('ObjectCreated:Put', object)));
    expect(pictures).toEqual([{ key: 'my cats/🐈+1.jpg', etag: '"abc"' }]);
  });

  it('handles every record of a notification', async () => {
    await receive(
      notification(
        record('ObjectCreated:Copy', { key: 'a', eTag: '1' }),
        record('ObjectRestore:Completed', { key: 'b', eTag: '2' }),
        record('ObjectCreated:CompleteMultipartUpload', { key: 'c' }),
        record('ObjectTagging:Put', { key: 'd' }),
        record('ObjectRestore:Post', { key: 'e' }),
      ),
    );
    expect(pictures).toEqual([{ key: 'a', etag: '"1"' }, { key: 'b', etag: '"2"' }, { key: 'c' }]);
  });

  it('ignores the test event', async () => {
    await receive({ Service: 'Amazon S3', Event: 's3:TestEvent', Time: '2026-11-24', Bucket: 'pictures' });
    expect(pictures).toEqual([]);
  });

  it.each([
    ['a body that is no JSON', 'nonsense'],
    ['an unknown message', { hello: 1 }],
    ['a notification without records', notification()],
    ['a reference of another schema version', { ...reference('a'), schema_version: 2 }],
    [
      'a notification of another bucket',
      notification(record('ObjectCreated:Put', { key: 'a', eTag: '1' }, 'elsewhere')),
    ],
    ['a key that is not encoded', notification(record('ObjectCreated:Put', { key: '100%', eTag: '1' }))],
    ['bytes that are no UTF-8', notification(record('ObjectCreated:Put', { key: '%FF%FE', eTag: '1' }))],
    [
      'a notification of another service',
      notification({ ...record('ObjectCreated:Put', { key: 'a' }), eventSource: 'aws:other' }),
    ],
  ])('refuses %s', async (_, body) => {
    await expect(receive(body)).rejects.toThrow(MessageError);
    expect(pictures).toEqual([]);
  });
});

describe('an uploads queue without a bucket', () => {
  const flow = createReceiveUploads({ preprocess });

  it('hands a reference to preprocess', async () => {
    await flow(message(reference('a.jpg', '"abc"')));
    expect(pictures).toEqual([{ key: 'a.jpg', etag: '"abc"' }]);
  });

  it('refuses a notification', async () => {
    const created = notification(record('ObjectCreated:Put', { key: 'a', eTag: '1' }));
    await expect(flow(message(created))).rejects.toThrow(MessageError);
    expect(pictures).toEqual([]);
  });
});

describe('a removed picture', () => {
  const removal = notification(record('ObjectRemoved:Delete', { key: 'a+b.jpg' }));

  it('loses its outcome', async () => {
    await putOutcome('a b.jpg', '"old"');
    await receive(removal);
    expect(output.objects.size).toBe(0);
    expect(pictures).toEqual([]);
  });

  it('may have expired, and may have no outcome', async () => {
    await receive(notification(record('LifecycleExpiration:DeleteMarkerCreated', { key: 'a' })));
    expect(pictures).toEqual([]);
  });

  it('keeps its outcome when it has been uploaded again', async () => {
    const put = await input.put('a b.jpg', bytes('new'));
    await putOutcome('a b.jpg', put.status === 'stored' ? put.etag : '');
    await receive(removal);
    expect(output.objects.size).toBe(1);
    expect(pictures).toEqual([]);
  });

  it('keeps an outcome that is stored between the check and the removal', async () => {
    await putOutcome('a b.jpg', '"old"');
    beforeDelete = () => putOutcome('a b.jpg', '"new"');
    await receive(removal);
    expect(output.text(resultFile('a b.jpg'))).toContain('new');
  });
});
