import type { ForwardRequest, ImageGptModel } from '../graph/forward-graph.ts';
import { openForward } from './forward.ts';
import type { Output, Provider } from './session.ts';
import { type Service, serve } from './worker-port.ts';

/** What a worker thread is started with. */
export interface ForwardWorkerStart {
  model: ImageGptModel;
  request: ForwardRequest;
  provider: Provider;
  prepack: boolean;
}

/** Some pictures: `tokens` [b, n], and for BERT models `mask` [b, n]. */
export interface ForwardTask {
  tokens: Uint16Array;
  mask?: Uint8Array;
}

await serve(
  async ({
    model,
    request,
    provider,
    prepack,
  }: ForwardWorkerStart): Promise<Service<undefined, ForwardTask, Map<string, Output>>> => {
    const forward = await openForward(model, request, { provider, prepack });
    return {
      info: undefined,
      run: ({ tokens, mask }) => forward.run(tokens, mask),
      close: forward.close,
    };
  },
);
