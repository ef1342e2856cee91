import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, link, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../lib/local/repository.ts';
import { stagedPackages } from './staged-packages.ts';

/*
 * `npm run prove:cuda` shows without a GPU that the GPU image has all libraries that onnxruntime's CUDA provider needs.
 * It downloads PyPI's packages of the provider and of CUDA 13.0 (0.7 GB; 1.3 GB on disk, kept). It runs the check of the
 * image's build on them, first with all libraries, then without each of them. Then onnxruntime-node loads the provider,
 * as a worker does when it starts. Needs Linux on x86-64 and python3 with pip. CI does not run it, because it is large.
 *
 * The image takes the provider from NuGet. We assume that it is the same file: compare the checksum that is printed
 * here with the one that the image's build prints.
 */

const run = promisify(execFile);
const check = join(repositoryRoot, 'functions/worker/check-cuda-provider.sh');
const binaries = 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64';

/** Libraries that the provider is linked to, besides the driver. */
const libraries = ['libcublas.so.13', 'libcublasLt.so.13', 'libcudart.so.13', 'libcurand.so.10'];

const say = (line: string): void => console.log(line);

/** Runs the check of the image's build on the provider, with the libraries of `folder`. */
async function checked(provider: string, folder: string): Promise<{ passed: boolean; output: string }> {
  const env = { ...process.env, LD_LIBRARY_PATH: folder };
  return run('sh', [check, provider], { env }).then(
    ({ stdout }) => ({ passed: true, output: stdout }),
    (error: unknown) => ({ passed: false, output: String(error) }),
  );
}

/** Loads the provider in a copy of onnxruntime-node, as a worker does: `loaded`, or the error message. */
async function loadProvider(folder: string, providerFolder: string, cudaFolder: string): Promise<string> {
  for (const part of ['lib', 'node_modules/onnxruntime-node', 'node_modules/onnxruntime-common']) {
    await cp(join(repositoryRoot, part), join(folder, part), { recursive: true });
  }
  for (const name of ['shared', 'cuda']) {
    const file = `libonnxruntime_providers_${name}.so`;
    await cp(join(providerFolder, file), join(folder, binaries, file));
  }
  const load = `import { loadProvider } from ${JSON.stringify(join(folder, 'lib/runtime/load-provider.ts'))};
    await loadProvider('cuda').then(() => console.log('loaded'), ({ message }) => console.log(message));`;
  const env = { ...process.env, LD_LIBRARY_PATH: cudaFolder };
  return (await run(process.execPath, ['--input-type=module', '--eval', load], { env })).stdout.trim();
}

const { folder, packages, provider: providerFolder, cuda: cudaFolder } = await stagedPackages();
// Beside the packages: hard links cannot leave a file system.
const scratch = await mkdtemp(`${folder}-proof-`);
const wrong: string[] = [];
try {
  for (const name of packages) say(`staged ${name}`);
  const provider = join(providerFolder, 'libonnxruntime_providers_cuda.so');
  const sum = createHash('sha256').update(await readFile(provider));
  say(`sha256 of libonnxruntime_providers_cuda.so: ${sum.digest('hex')}`);

  const whole = await checked(provider, cudaFolder);
  say(`\n${whole.output.trim()}\n`);
  if (!whole.passed) wrong.push('the check fails with all libraries of CUDA 13.0');
  const elsewhere = libraries.filter((name) => !whole.output.includes(`${name} => ${join(cudaFolder, name)} `));
  if (elsewhere.length > 0) wrong.push(`not found in the installed packages: ${elsewhere.join(', ')}`);

  for (const missing of libraries) {
    const others = join(scratch, `without ${missing}`);
    await mkdir(others);
    // Hard links: with symbolic links, a library would still find the others in its real folder (RUNPATH $ORIGIN).
    for (const name of libraries) if (name !== missing) await link(join(cudaFolder, name), join(others, name));
    const { passed, output } = await checked(provider, others);
    const [, found] = new RegExp(`${missing.replaceAll('.', '\\.')} => (/\\S+)`).exec(output) ?? [];
    const named = !passed && output.includes(`${missing} => not found`);
    const failure = found === undefined ? 'the check does NOT name it' : `this machine has its own, ${found}`;
    say(`without ${missing}: ${named ? 'the check fails and names it' : failure}`);
    if (!named && found === undefined) wrong.push(`the check does not notice that ${missing} is missing`);
  }

  const message = await loadProvider(join(scratch, 'app'), providerFolder, cudaFolder);
  say(`\nonnxruntime-node: ${message}`);
  // A machine with a driver gives another error: the driver may be too old, or have no device.
  if (!/^loaded$|libcuda\.so\.1|CUDA failure/.test(message))
    wrong.push(`onnxruntime-node needs more than the driver: ${message}`);
} finally {
  await rm(scratch, { recursive: true });
}
say(
  wrong.length === 0
    ? '\nAll libraries and symbols are there, except those of the driver.'
    : `\nWRONG: ${wrong.join('; ')}`,
);
process.exitCode = wrong.length === 0 ? 0 : 1;
