import type { ForwardRequest, ImageGptModel } from '../graph/forward-graph.ts';
import { type ForwardOptions, openForward } from './forward.ts';
import type { Output } from './session.ts';
import { type Service, serve } from './thread-port.ts';

/** What a worker thread is started with. */
export interface ForwardThreadStart {
  model: ImageGptModel;
  request: ForwardRequest;
  options: ForwardOptions;
}

/** Some pictures: `tokens` [b, n], and for BERT models `mask` [b, n]. */
export interface ForwardTask {
  tokens: Uint16Array;
  mask?: Uint8Array | undefined;
}

await serve(
  async ({
    model,
    request,
    options,
  }: ForwardThreadStart): Promise<Service<undefined, ForwardTask, Map<string, Output>>> => {
    const forward = await openForward(model, request, options);
    return {
      info: undefined,
      run: ({ tokens, mask }) => forward.run(tokens, mask),
      close: forward.close,
    };
  },
);
