import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    exclude: ['**/*.slow.test.ts'],
    testTimeout: 60_000,
    pool: 'forks',
  },
});
