import { expect, test } from 'vitest';
import { runsTypeScriptQuietly } from '../../../lib/cli/launch.js';

test.each(['24.12.0', '24.21.0', '25.2.0', '26.0.0'])('Node %s runs TypeScript as it stands', (version) => {
  expect(runsTypeScriptQuietly(version)).toBe(true);
});

test.each(['20.20.2', '22.18.0', '23.6.0', '24.0.0', '24.11.1', '25.1.0'])('Node %s does not, or warns', (version) => {
  expect(runsTypeScriptQuietly(version)).toBe(false);
});
