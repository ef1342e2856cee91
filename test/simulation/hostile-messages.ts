import { messageText } from '../../lib/contracts/message-text.ts';

const image = { format: 'jpeg', width: 1, height: 1, bytes: 1 };
const picture = (key: string, tokens: string) => ({ key, etag: '"hostile"', image, tokens });
const record = (bucket: string, key: string) => ({
  eventSource: 'aws:s3',
  eventName: 'ObjectCreated:Put',
  s3: { bucket: { name: bucket }, object: { key, eTag: 'hostile' } },
});

/** Makers of invalid bodies: every queue must refuse them. `key` is the key of a real picture. */
export const hostileMessages: readonly ((key: string) => string)[] = [
  () => 'hostile',
  () => '["hostile"]',
  (key) => messageText({ schema_version: 2, type: 'reference', key, etag: '"hostile"' }),
  (key) => messageText({ schema_version: 1, type: 'hostile', key }),
  () => messageText({ Records: [record('hostile', 'a')] }),
  () => messageText({ Records: [record('pictures', 'hostile%')] }),
  (key) => messageText({ schema_version: 2, preprocessing: '00000000000000aa', pictures: [picture(key, 'AA==')] }),
  (key) => messageText({ schema_version: 1, preprocessing: 'hostile', pictures: [picture(key, 'AA==')] }),
  // First one token too many, then bits set after the last token.
  (key) => messageText({ schema_version: 1, preprocessing: '00000000000000aa', pictures: [picture(key, 'AAAA')] }),
  (key) => messageText({ schema_version: 1, preprocessing: '00000000000000aa', pictures: [picture(key, 'AQ==')] }),
  () => messageText({ schema_version: 1, preprocessing: '00000000000000aa', pictures: [], hostile: 1 }),
];

export function isHostile(body: string): boolean {
  return body.includes('hostile');
}
