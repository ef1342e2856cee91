import { connect, createServer, type Server } from 'node:net';

/** Forwards connections to a port of the loopback interface to a Unix socket. */
export function forward(port: number, socket: string): Server {
  const server = createServer((near) => {
    const far = connect(socket);
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    // Not at its close: the last data may still be on its way.
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  return server.listen(port);
}
