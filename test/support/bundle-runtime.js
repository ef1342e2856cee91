import { pathToFileURL } from 'node:url';

// As lambda-runtime.ts, for a bundle in the working directory: its code and no other.

const { handler } = await import(pathToFileURL(`${process.cwd()}/index.mjs`).href);

process.on('message', async (/** @type {any} */ { event, timeoutMs }) => {
  const end = Date.now() + timeoutMs;
  try {
    process.send?.({ response: await handler(event, { getRemainingTimeInMillis: () => end - Date.now() }) });
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
