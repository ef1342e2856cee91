import { connect, createServer, type Server } from 'node:net';

/** Forwards connections. `from` and `to` are ports of this machine or paths of Unix sockets. */
export function forward(from: number | string, to: number | string): Server {
  const server = createServer((near) => {
    const far = typeof to === 'number' ? connect(to, 'localhost') : connect(to);
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    // Not at its close: the last data may still be on its way.
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  return typeof from === 'number' ? server.listen(from) : server.listen(from);
}
