import { handler } from '../../functions/preprocess/handler.ts';

// Lambda's part inside its own process: invocations come from the parent, one at a time, with the function's time limit.

process.on('message', async ({ event, timeoutMs }: { event: Parameters<typeof handler>[0]; timeoutMs: number }) => {
  const end = Date.now() + timeoutMs;
  try {
    process.send?.({ response: await handler(event, { getRemainingTimeInMillis: () => end - Date.now() }) });
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
