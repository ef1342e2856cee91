import { expect, test } from 'vitest';
import { openDecoder } from '../../../lib/decode/decoder-pool.ts';
import { PictureError } from '../../../lib/ports/error.ts';
import { proofPictures } from '../../prove-aws/proof-pictures.ts';

test('40 of 300 are bad, spread among the others, under 300 names', () => {
  const pictures = proofPictures(300, 40);
  const bad = pictures.filter(({ expected }) => expected !== 'succeeded');

  expect(bad).toHaveLength(40);
  expect(pictures.slice(0, 150).filter(({ expected }) => expected !== 'succeeded')).toHaveLength(20);
  expect(new Set(pictures.map(({ key }) => key)).size).toBe(300);
  expect(Object.groupBy(bad, ({ expected }) => expected)).toMatchObject({
    empty_object: expect.toSatisfy((group) => group.length === 10),
    unsupported_format: expect.toSatisfy((group) => group.length === 20),
    corrupt_image: expect.toSatisfy((group) => group.length === 10),
  });
});

test('each ends in our decoder as it is expected to end on AWS', async () => {
  const decoder = openDecoder({ width: 16, height: 16, resample: 2, crop: 'none' }, { size: 1 });
  const ends = new Map<string, string>();
  for (const { key, body, expected } of proofPictures(24, 8)) {
    // Preprocess looks at the size first.
    if (body.length === 0) continue;
    const came = await decoder.decode(body).then(
      () => 'succeeded',
      (error: unknown) => (error instanceof PictureError ? error.code : 'another error'),
    );
    if (came !== expected) ends.set(key, came);
  }
  await decoder.close();

  expect(ends).toEqual(new Map());
});
