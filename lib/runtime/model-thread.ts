import type { ForwardRequest, ImageGptModel } from '../graph/forward-graph.ts';
import type { Prediction, Provider } from '../ports/model.ts';
import { openForward } from './forward.ts';
import { type Output, onnxruntimeVersion } from './session.ts';
import { type Service, serve } from './thread-port.ts';

/** What a thread is started with. */
export interface ThreadModel {
  provider: Provider;
  /** Pictures of a batch on a GPU. */
  batch: number;
  prepack: boolean;
  model: ImageGptModel;
  request: ForwardRequest;
}

/** What the thread tells the pool about its session. */
export interface ThreadInfo {
  provider: string;
  onnxruntime: string;
}

/** Pictures, [n] tokens each -> predictions, in the same order. */
type Predictor = Service<ThreadInfo, readonly Uint16Array[], Prediction[]>;

async function open({ provider, batch, prepack, model, request }: ThreadModel): Promise<Predictor> {
  const forward = await openForward(model, request, { provider, batch, prepack });
  const n = model.config.n_positions;
  return {
    info: { provider: forward.provider, onnxruntime: onnxruntimeVersion },
    async execute(pictures) {
      const tokens = new Uint16Array(pictures.length * n); // [batch, n]
      pictures.forEach((picture, i) => {
        tokens.set(picture, i * n);
      });
      const outputs = await forward.execute(tokens);
      return pictures.map((_, i) => predictionAt(outputs, i));
    },
    close: forward.close,
  };
}

function predictionAt(outputs: ReadonlyMap<string, Output>, picture: number): Prediction {
  const classLogits = row(outputs.get('classes'), picture);
  const features = row(outputs.get('features'), picture);
  const likelihood = row(outputs.get('likelihood'), picture);
  const prediction: Prediction = {};
  if (classLogits) prediction.classLogits = classLogits;
  if (features) prediction.features = features;
  if (likelihood) {
    prediction.nats = likelihood.reduce((sum, nats) => sum + nats, 0) / likelihood.length;
    prediction.natsOfTokens = likelihood;
  }
  return prediction;
}

/** A copy of one picture's row of an output [batch, …]. A view would send its whole buffer to the other thread. */
function row(output: Output | undefined, picture: number): Float32Array | undefined {
  if (output === undefined) {
    return undefined;
  }
  const size = output.data.length / (output.dims[0] ?? 1);
  return output.data.slice(picture * size, (picture + 1) * size);
}

await serve(open);
