import { handler } from '../../functions/preprocess/handler.ts';

// The Lambda runtime inside the function's process: invocations come from the parent process, one at a time.

process.on('message', async ({ event, timeoutMs }: { event: Parameters<typeof handler>[0]; timeoutMs: number }) => {
  const end = Date.now() + timeoutMs;
  try {
    process.send?.({ response: await handler(event, { getRemainingTimeInMillis: () => end - Date.now() }) });
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
