import { preprocessingHash } from '../../lib/checkpoint/preprocessing-hash.ts';
import { messageText } from '../../lib/contracts/message-text.ts';
import { packTokens } from '../../lib/image-gpt/token-packing.ts';
import type { LocalModel } from '../../lib/runtime/model.ts';
import { stubEtag } from './stub-aws.ts';

/** Colours, features and class logits with the sizes of iGPT-S at 32 x 32, which cost nothing to compute. */
const colors = 512;
const features = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i) * 3);
const classLogits = Float32Array.from({ length: 10 }, (_, i) => Math.cos(i));

export const overheadModel: LocalModel = {
  id: 'overhead-0123456789ab',
  objective: 'ar',
  tokens: 1024,
  preprocessing: {
    height: 32,
    width: 32,
    resample: 2,
    crop: 'none',
    palette: Float32Array.from({ length: colors * 3 }, (_, i) => Math.sin(i)),
  },
  outputs: ['classification', 'features', 'likelihood'],
  featureLayer: 12,
  featureNorm: 'next',
  input: 'sos',
  labels: Array.from({ length: 10 }, (_, i) => `class ${i}`),
  classFunction: 'softmax',
  provider: 'cpu',
  precision: 'f32',
  onnxruntime: '0.0.0',
  // Two batches of a session on a GPU.
  concurrency: 128,
  predict: async () => ({ classLogits, features, nats: 2.5 }),
  close: async () => {},
  [Symbol.asyncDispose]: async () => {},
};

/** A PNG of one pixel. */
export const overheadPicture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg==',
  'base64',
);

/** Pictures in a full message of the tokens queue. */
export const pictures = 100;

/** A full message of the tokens queue for this model. */
export function overheadMessage(): string {
  const { preprocessing, tokens: n } = overheadModel;
  const tokens = Uint16Array.from({ length: n }, (_, i) => (i * 7919) % colors);
  const picture = {
    etag: stubEtag,
    image: { format: 'jpeg', width: 640, height: 427, bytes: 50_625 },
    tokens: Buffer.from(packTokens(tokens, colors)).toString('base64'),
  };
  return messageText({
    schema_version: 1,
    preprocessing: preprocessingHash(preprocessing, false),
    pictures: Array.from({ length: pictures }, (_, i) => ({ ...picture, key: `a folder/${i}.jpg` })),
  });
}
