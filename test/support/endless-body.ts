import type { ServerResponse } from 'node:http';

/** Sends `bytes` again and again, as fast as they are read, until the connection ends. */
export function sendEndlessly(response: ServerResponse, bytes: Uint8Array): void {
  const write = (): void => {
    while (!response.destroyed && response.write(bytes));
  };
  response.on('drain', write);
  write();
}
