import { expect, test } from 'vitest';
import { cudaFault, missingOf } from '../../../lib/runtime/provider-fault.ts';

/** Messages of onnxruntime 1.30. */
const notLoaded = new Error('OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library');
const oldDriver = new Error(
  '/onnxruntime_src/cuda_call.cc:154 void onnxruntime::CudaCall(int) /onnxruntime_src/cuda_call.cc:146 CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; file=/onnxruntime_src/cuda_execution_provider.cc ; line=352 ; expr=cudaSetDevice(info_.device_id); \n',
);

test.each([
  ['libcublasLt.so.13: cannot open shared object file: No such file or directory', 'libcublasLt.so.13'],
  [
    '/app/bin/libonnxruntime_providers_cuda.so: cannot open shared object file: No such file',
    'libonnxruntime_providers_cuda.so',
  ],
  ["Module did not self-register: '/app/bin/libonnxruntime_providers_cuda.so'.", undefined],
  ['/app/x.so: undefined symbol: Provider_GetHost', undefined],
  ['', undefined],
])('the loader’s message %j names %s', (words, library) => {
  expect(missingOf(words)).toBe(library);
});

test('a missing CUDA library must be installed, a missing driver needs another machine', () => {
  expect(cudaFault(notLoaded, () => 'libcublasLt.so.13')).toBe('libcublasLt.so.13 is missing: install it');
  expect(cudaFault(notLoaded, () => 'libcuda.so.1')).toMatch(/^libcuda\.so\.1, NVIDIA's driver, is missing: start it/);
});

test('CUDA’s own message is given without places in onnxruntime’s source, and no library is searched', () => {
  const never = () => {
    throw new Error('searched a library');
  };
  expect(cudaFault(oldDriver, never)).toBe(
    'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version',
  );
});

test('without either, the message is general', () => {
  expect(cudaFault(notLoaded, () => undefined)).toBe('its libraries or a device are missing');
  expect(cudaFault('odd')).toBe('its libraries or a device are missing');
});
