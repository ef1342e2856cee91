import { defineConfig } from 'vitest/config';

/** `npm test`: everything but the slow suite, which `npm run test:slow` runs. */
export default defineConfig({
  // Vitest would make test/node_modules, and npm would then take test/ for a project of its own.
  cacheDir: '../node_modules/.vite',
  test: {
    root: import.meta.dirname,
    globalSetup: './support/temporary-folder.ts',
    env: { ORT_DISABLE_TELEMETRY: '1' },
    include: ['**/*.test.ts'],
    exclude: ['**/*.slow.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // On a busy machine, a process with the model library may need longer than ten seconds to end.
    teardownTimeout: 60_000,
    // A busy machine may need more than Vitest's second.
    expect: { poll: { timeout: 30_000 } },
    // One process takes many test files and loads each module once: two fifths of the processor time. So no test leaves
    // something behind in a module or the environment.
    isolate: false,
    // Vitest alone would leave a core idle; much of the time is waiting for processes and emulators.
    maxWorkers: '100%',
    reporters: ['default', './support/totals-reporter.ts'],
  },
});
