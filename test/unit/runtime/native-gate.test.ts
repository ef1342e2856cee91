import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { createNativeGate, insideGate, shutGates } from '../../../lib/runtime/native-gate.ts';

describe('a native gate', () => {
  it('lets work through and returns its result', async () => {
    const gate = createNativeGate();

    expect(await insideGate(gate, async () => 7)).toBe(7);
    await expect(insideGate(gate, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await insideGate(gate, async () => 8)).toBe(8);
  });

  it('lets no work start once it is shut', async () => {
    const gate = createNativeGate();
    const work = vi.fn(async () => 7);
    shutGates([gate, createNativeGate()]);
    void insideGate(gate, work);
    await new Promise(setImmediate);

    expect(work).not.toHaveBeenCalled();
  });

  it('lets a process exit during predictions with its own exit code, without an abort', async () => {
    const script = new URL('./exit-while-predicting.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'ignore', 'pipe'] });
    const [[code], words] = await Promise.all([once(child, 'exit'), text(child.stderr)]);

    expect(words).not.toMatch(/Napi|terminate|abort/i);
    expect(code).toBe(3);
  });
});
