import type { ForwardRequest, ImageGptModel } from '../graph/forward-graph.ts';
import { type ForwardOptions, openForward } from './forward.ts';
import type { Output } from './session.ts';
import { type Service, serve } from './thread-port.ts';

/** What a thread of the pool is started with. */
export interface ForwardThreadStart {
  model: ImageGptModel;
  request: ForwardRequest;
  options: ForwardOptions;
}

/** Pictures: `tokens` [batch, n], and for BERT models `mask` [batch, n]. */
export interface ForwardTask {
  tokens: Uint16Array;
  mask?: Uint8Array | undefined;
}

type ForwardService = Service<undefined, ForwardTask, Map<string, Output>>;

await serve(async ({ model, request, options }: ForwardThreadStart): Promise<ForwardService> => {
  const forward = await openForward(model, request, options);
  return {
    info: undefined,
    execute: ({ tokens, mask }) => forward.execute(tokens, mask),
    close: forward.close,
  };
});
