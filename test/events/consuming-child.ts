import { appendFileSync } from 'node:fs';
import { consume } from '../../lib/events/index.ts';

// A consumer that writes the key of each event to a file. Of 20 calls one fails; the test kills it at any moment.
const { QUEUE_URL: queueUrl = '', LOG: log = '', SEED: seed = '0' } = process.env;
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
let calls = Number(seed);

// Without a queue it only loads its modules, for the compile cache.
if (queueUrl === '') process.exit();
await consume({
  queueUrl,
  signal: stop.signal,
  visibilitySeconds: 3,
  retryDelaySeconds: () => 1,
  onError: () => {},
  onResult({ key }) {
    calls += 1;
    if (calls % 20 === 0) throw new Error('a fault');
    appendFileSync(log, `${key}\n`);
  },
});
