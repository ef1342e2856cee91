import { defineConfig } from 'vitest/config';

/** `npm run test:slow`: what needs Python, big models or minutes. */
export default defineConfig({
  // Vitest would make test/node_modules, and npm would then take test/ for a project of its own.
  cacheDir: '../node_modules/.vite',
  test: {
    root: import.meta.dirname,
    globalSetup: './support/temporary-folder.ts',
    env: { ORT_DISABLE_TELEMETRY: '1' },
    include: ['**/*.slow.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // A busy machine may need more than Vitest's second.
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: '100%',
    passWithNoTests: true,
    reporters: ['default', './support/totals-reporter.ts'],
  },
});
