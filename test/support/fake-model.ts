import { PictureError } from '../../lib/ports/error.ts';
import type { Model } from '../../lib/ports/model.ts';
import type { DecodedPicture, PictureDecoder } from '../../lib/ports/picture-decoder.ts';

/** Hash of the fake model's preprocessing. */
export const fakePreprocessing = '00000000000000aa';

/**
 * A decoder for pictures that are text. `good …` decodes to pixels whose value is the length of the text, `bad …` is
 * corrupt, `crash …` makes the decoder throw, so that the picture is retried.
 */
export function createFakeDecoder(): PictureDecoder {
  return {
    async decode(bytes): Promise<DecodedPicture> {
      const text = new TextDecoder().decode(bytes);
      if (text.startsWith('bad')) throw new PictureError('corrupt_image', 'Expected a picture, received other bytes.');
      if (text.startsWith('crash')) throw new Error('/home/somebody/secret: the decoder broke');
      return { format: 'jpeg', width: 8, height: 6, rgb: new Uint8Array(4 * 3).fill(text.length) };
    },
  };
}

/** A model of four tokens and two colours. Its class is `dark` if all tokens are 0, else `light`. */
export function createFakeModel(changes: Partial<Model> = {}): Model {
  return {
    id: 'fake-1',
    objective: 'ar',
    tokens: 4,
    preprocessing: { height: 2, width: 2, resample: 2, crop: 'none', palette: Float32Array.of(-1, -1, -1, 1, 1, 1) },
    outputs: ['classification', 'features', 'likelihood'],
    featureLayer: 1,
    featureNorm: 'next',
    labels: ['dark', 'light'],
    classFunction: 'softmax',
    provider: 'cpu',
    precision: 'f32',
    onnxruntime: '0.0.0',
    async predict(tokens) {
      const light = tokens.some((token) => token > 0);
      return {
        classLogits: Float32Array.of(light ? 0 : 2, light ? 2 : 0),
        features: Float32Array.of(0.1, -2),
        nats: 0.5,
      };
    },
    async close() {},
    ...changes,
  };
}
