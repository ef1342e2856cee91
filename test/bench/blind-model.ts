import type { Model } from '../../lib/ports/model.ts';

/** A model that computes nothing: it returns 512 features of zeros at once. */
export function blindModel(preprocessing: Model['preprocessing']): Model {
  return {
    id: 'blind-0',
    objective: 'ar',
    tokens: 1024,
    preprocessing,
    outputs: ['features'],
    featureLayer: 0,
    featureNorm: 'next',
    labels: [],
    classFunction: 'softmax',
    provider: 'cpu',
    precision: 'f32',
    onnxruntime: 'none',
    predict: async () => ({ features: new Float32Array(512) }),
    close: async () => {},
  };
}
