import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Signals that end a command from outside; each is passed on to the child. */
const PASSED_ON = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * From so many bytes on, the C library gives memory back as soon as it is freed. Left to itself it keeps some now and
 * then while onnxruntime widens weights of 16 bits: iGPT-L took 1.3 times its weights instead of 1.1. It reads this
 * when a process starts.
 */
const RETURNED_BYTES = 4_194_304;

/**
 * Runs the command under a Node that runs TypeScript as it stands: this one where it does, else the `node` package's.
 * @param {string[]} args what follows `igpt`
 */
export async function launch(args) {
  // No telemetry of onnxruntime (see lib/runtime/telemetry-off.ts), whichever Node and thread load it.
  Object.assign(process.env, { ORT_DISABLE_TELEMETRY: '1' });
  if (runsTypeScriptQuietly(process.versions.node)) {
    await runHere(args);
    return;
  }
  const node = bundledNode();
  if (node !== undefined) {
    runUnder(node, args);
  } else if (Number.parseInt(process.versions.node, 10) >= 24) {
    silenceTypeScriptWarning();
    await runHere(args);
  } else {
    process.stderr.write(
      `igpt: needs Node 24 to run TypeScript as it stands; this is ${process.versions.node}, and the npm package \`node\`, which brings 24, is not installed: run npm ci in the project's folder, or use Node 24\n`,
    );
    process.exitCode = 1;
  }
}

/**
 * Type stripping is stable, hence silent, from 24.12 and 25.2.
 * @param {string} version
 */
export function runsTypeScriptQuietly(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 25 || (major === 25 && minor >= 2) || (major === 24 && minor >= 12);
}

/** @param {string[]} args */
async function runHere(args) {
  // Under another `igpt` (see runUnder): when that one is killed, so is this one.
  process.once('disconnect', () => {
    // After the other exit listeners have cleaned up: a thread in a system call would keep process.exit waiting.
    process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
    process.exit(1);
  });
  process.channel?.unref();
  // Stripping types and compiling is most of the start-up. Not in the system's temporary folder, where
  // anybody could put code for us to run.
  module.enableCompileCache?.(fileURLToPath(new URL('../../node_modules/.cache/igpt', import.meta.url)));
  const { main } = await import('./main.ts');
  await main(args);
}

/** Path of the executable in the npm package `node`; undefined where it is not installed (or its install script did not run). */
function bundledNode() {
  try {
    const manifest = module.createRequire(import.meta.url).resolve('node/package.json');
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
    const path = join(dirname(manifest), typeof bin === 'string' ? bin : bin.node);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} node
 * @param {string[]} args
 */
function runUnder(node, args) {
  // The name it was called by, so that the child can repeat it to the user.
  const entry = process.argv[1] ?? fileURLToPath(new URL('./igpt.js', import.meta.url));
  // The ipc channel tells the child when this process is gone, however it ended: a killed `igpt` leaves nobody behind.
  const env = { MALLOC_MMAP_THRESHOLD_: String(RETURNED_BYTES), ...process.env };
  const child = spawn(node, [entry, ...args], { env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of PASSED_ON) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(`igpt: could not start ${node}: ${error.message}; run npm ci again, or use Node 24\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
  });
}

/** The first releases of Node 24 call type stripping experimental each time; a user can do nothing about it. */
function silenceTypeScriptWarning() {
  const emitWarning = process.emitWarning;
  process.emitWarning = /** @type {typeof process.emitWarning} */ (
    (/** @type {unknown[]} */ ...details) => {
      if (!String(details[0]).includes('Type Stripping')) {
        Reflect.apply(emitWarning, process, details);
      }
    }
  );
}
