import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../../../functions/worker/check-cuda-provider.sh');

/** Output of ldd -r for onnxruntime 1.30's provider in a complete image. */
const whole = [
  '\tlinux-vdso.so.1 (0x00007fc104785000)',
  '\tlibcublasLt.so.13 => /usr/local/cuda/lib64/libcublasLt.so.13 (0x00007fc0ca800000)',
  '\tlibcublas.so.13 => /usr/local/cuda/lib64/libcublas.so.13 (0x00007fc0c7000000)',
  '\tlibcurand.so.10 => /usr/local/cuda/lib64/libcurand.so.10 (0x00007fc0be800000)',
  '\tlibcudart.so.13 => /usr/local/cuda/lib64/libcudart.so.13 (0x00007fc0be400000)',
  '\tlibcuda.so.1 => not found',
  '\tlibstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007fc0be000000)',
  '\t/lib64/ld-linux-x86-64.so.2 (0x00007fc104787000)',
  'undefined symbol: Provider_GetHost\t(provider.so)',
  'undefined symbol: cuTensorMapEncodeTiled\t(provider.so)',
].join('\n');

/** Runs the script with this output of ldd: '' on success, else the script's last line. */
async function verdict(said: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ldd-'));
  await writeFile(join(folder, 'said'), said);
  await writeFile(join(folder, 'ldd'), `#!/bin/sh\ncat ${join(folder, 'said')}\n`);
  await chmod(join(folder, 'ldd'), 0o755);
  const { PATH: path = '' } = process.env;
  const ended = await run('sh', [script, 'provider.so'], { env: { PATH: `${folder}:${path}` } }).catch(
    (error: unknown) => error,
  );
  await rm(folder, { recursive: true });
  return ended instanceof Error ? (ended.message.trim().split('\n').slice(1).join(' ') ?? '') : '';
}

test('an image that lacks only the driver passes', async () => {
  expect(await verdict(whole)).toBe('');
});

test.each([
  ['a missing library', whole.replace(/(libcurand\.so\.10) => .*/, '$1 => not found'), 'libcurand.so.10 => not'],
  // cuBLAS needs it as well, so ldd reports it twice.
  [
    'a library that is reported missing twice',
    `${whole.replace(/(libcublasLt\.so\.13) => .*/, '$1 => not found')}\n\tlibcublasLt.so.13 => not found`,
    "but the driver's, missing are: \tlibcublasLt.so.13 => not",
  ],
  [
    'a missing library that is not of CUDA',
    whole.replace(/(libstdc\+\+\.so\.6) => .*/, '$1 => not found'),
    'libstdc++.so.6 => not found',
  ],
  ['libraries of another CUDA', whole.replaceAll('.so.13', '.so.12'), 'found libcublas.so.12 libcublasLt.so.12'],
  ['an additional library', `${whole}\n\tlibcudnn.so.9 => not found`, 'libcudart.so.13 libcudnn.so.9 libcurand.so.10'],
  ['a missing symbol', `${whole}\nundefined symbol: cublasCreate_v2\t(provider.so)`, 'cublasCreate_v2'],
  ['a missing provider', 'ldd: provider.so: No such file or directory', 'found : CUDA_IMAGE does not fit'],
])('%s fails the build by name', async (_, said, named) => {
  expect(await verdict(said)).toContain(named);
});
