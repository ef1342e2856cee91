import { readFrames, writeFrame } from '../../../lib/decode/decode-protocol.ts';

// Replaces decode-child.ts: misbehaves as the picture's bytes say.

const noBytes = new Uint8Array(0);
const answers = new Map([
  ['nonsense', () => writeFrame(process.stdout, { colour: 'red' }, noBytes)],
  ['half', () => writeFrame(process.stdout, { format: 'png', width: 1, height: 1 }, Buffer.alloc(2))],
  ['huge', () => writeFrame(process.stdout, { format: 'png', width: 1, height: 1 }, Buffer.alloc(100_000))],
  ['crash', () => process.abort()],
  ['hang', () => {}],
]);

writeFrame(process.stdout, { ready: true }, noBytes);
for await (const { data } of readFrames(process.stdin, 1_000_000)) {
  const order = Buffer.from(data).toString();
  const answer = answers.get(order);
  if (answer) answer();
  else if (order === 'environment') {
    const format = Object.keys(process.env).sort().join(' ');
    writeFrame(process.stdout, { format, width: 1, height: 1 }, Buffer.alloc(3));
  } else {
    // The child's own process id, so that a test can tell whether it was kept or replaced.
    writeFrame(process.stdout, { format: order, width: process.pid, height: 1 }, Buffer.alloc(3));
  }
}
