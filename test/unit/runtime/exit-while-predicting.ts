import { openCheckpoint } from '../../../lib/checkpoint/checkpoint.ts';
import { openModel } from '../../../lib/runtime/model.ts';
import { randomTokens, tinyCheckpoint } from '../../support/tiny-checkpoint.ts';

// Exits with code 3 while both threads are busy and more pictures wait.
const tiny = await tinyCheckpoint({ n_layer: 4, n_embd: 128, size: 16 });
const model = await openModel(await openCheckpoint(tiny.directory), { threads: 2 });
await tiny[Symbol.asyncDispose]();
for (let i = 0; i < 100; i++) {
  model.predict(randomTokens(i, 256, 8)).then(
    () => i === 10 && setTimeout(() => process.exit(3), 2),
    () => undefined,
  );
}
