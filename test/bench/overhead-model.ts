import type { LocalModel } from '../../lib/runtime/model.ts';

/** Colours and features of iGPT-S at 32 x 32, where what is computed costs nothing. */
const colors = 512;
const features = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i) * 3);
const classLogits = Float32Array.from({ length: 10 }, (_, i) => Math.cos(i));

export const overheadModel: LocalModel = {
  id: 'overhead-0123456789ab',
  objective: 'ar',
  tokens: 1024,
  preprocessing: {
    ...{ height: 32, width: 32, resample: 2, crop: 'none' },
    palette: Float32Array.from({ length: colors * 3 }, (_, i) => Math.sin(i)),
  },
  outputs: ['classification', 'features', 'likelihood'],
  featureLayer: 12,
  featureNorm: 'next',
  labels: Array.from({ length: 10 }, (_, i) => `class ${i}`),
  provider: 'cpu',
  precision: 'f32',
  onnxruntime: '0.0.0',
  concurrency: 8,
  predict: async () => ({ classLogits, features, nats: 2.5 }),
  close: async () => {},
};

/** A PNG of one pixel. */
export const overheadPicture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg==',
  'base64',
);
