import { pathToFileURL } from 'node:url';

// Does what lambda-runtime.ts does, with the bundle in the working directory instead of the source.

const { handler } = await import(pathToFileURL(`${process.cwd()}/index.mjs`).href);

process.on('message', async (/** @type {any} */ { event, timeoutMs }) => {
  const end = Date.now() + timeoutMs;
  try {
    const response = await handler(event, { getRemainingTimeInMillis: () => end - Date.now() });
    process.send?.({ response, cpu: process.cpuUsage() });
  } catch (error) {
    process.send?.({ error: String(error) });
  }
});
