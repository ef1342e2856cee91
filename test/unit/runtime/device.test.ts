import { expect, test } from 'vitest';
import { deviceLine, parseSmi } from '../../../lib/runtime/device.ts';

test('the first device is read from nvidia-smi’s answer', () => {
  expect(parseSmi('NVIDIA A10G, 23028\nNVIDIA A10G, 23028\n')).toEqual({
    name: 'NVIDIA A10G',
    memory: 23028 * 2 ** 20,
  });
});

test('without nvidia-smi, name and memory of the device are unknown', () => {
  expect(parseSmi('')).toEqual({ name: 'a CUDA device' });
});

test('one line names provider, device, memory and precision', () => {
  expect(deviceLine('cuda', { name: 'NVIDIA A10G', memory: 24 * 2 ** 30 }, 'f16')).toBe(
    'cuda: NVIDIA A10G, 24.0 GiB, f16',
  );
  expect(deviceLine('webgpu', { name: 'x' }, 'f32')).toBe('webgpu: x, memory unknown, f32');
});
