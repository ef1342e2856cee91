import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Signals that end a command from outside. They are forwarded to the child. */
const forwardedSignals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * Blocks of at least this size (bytes) return to the system when they are freed. Otherwise the C library sometimes keeps
 * freed memory while onnxruntime widens 16-bit weights: iGPT-L took 1.3 times its weights instead of 1.1. The C library
 * reads this setting when a process starts.
 */
const returnedBytes = 4_194_304;

/**
 * Fewest open files with which every verb works on a machine of a few cores. Node itself, its threads, the decoders and
 * onnxruntime's libraries need about 40. Help needs none of them.
 */
const fewestFiles = 64;

const helpAndVersion = ['help', '--help', '-h', '--version'];

/** Whether this is built: the package holds no TypeScript. */
const isBuilt = !existsSync(new URL('./main.ts', import.meta.url));

/**
 * Runs the command: as it is built, or from a checkout under a Node that runs TypeScript without a build, this Node or else
 * the `node` package's.
 * @param {string[]} args what follows `igpt`
 */
export async function launch(args) {
  // Turns off onnxruntime's telemetry in every process and thread (see lib/runtime/telemetry-off.ts).
  Object.assign(process.env, { ORT_DISABLE_TELEMETRY: '1' });
  const files = mostOpenFiles();
  if (files < fewestFiles && !args.some((arg) => helpAndVersion.includes(arg))) {
    process.stderr.write(
      `igpt: expected room for at least ${fewestFiles} open files, but this shell allows ${files}: run ulimit -n 1024, or ask who manages the machine, then run igpt again\n`,
    );
    process.exitCode = 1;
    return;
  }
  if (isBuilt || runsTypeScriptQuietly(process.versions.node)) {
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
      `igpt: expected Node 24, which runs TypeScript without a build, but this is ${process.versions.node}, and the npm package \`node\`, which contains Node 24, is not installed: run npm ci in the project's folder, or use Node 24\n`,
    );
    process.exitCode = 1;
  }
}

/**
 * How many files this process may open; infinite where the system does not say. Node has raised its own limit as far as
 * it may.
 */
function mostOpenFiles() {
  try {
    return Number(
      /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Number.POSITIVE_INFINITY,
    );
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * From 24.12 and 25.2 on, type stripping is stable and prints no warning.
 * @param {string} version
 */
export function runsTypeScriptQuietly(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 25 || (major === 25 && minor >= 2) || (major === 24 && minor >= 12);
}

/** @param {string[]} args */
async function runHere(args) {
  // This process may be the child of another `igpt` (see runUnder). It ends when the parent is killed.
  process.once('disconnect', () => {
    // This exit listener is added last, so the others clean up first. A thread in a system call delays process.exit.
    process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
    process.exit(1);
  });
  process.channel?.unref();
  // Stripping types and compiling take most of the start-up. The cache is not in the system's temporary folder, where
  // other users could place code for us to run.
  module.enableCompileCache?.(fileURLToPath(new URL('../../node_modules/.cache/igpt', import.meta.url)));
  const { main } = await import('./main.ts');
  await main(args);
}

/** Path of the executable in the npm package `node`; undefined if it is not installed or its install script did not run. */
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
  // The path that the user called: the child prints it in messages.
  const entry = process.argv[1] ?? fileURLToPath(new URL('./igpt.js', import.meta.url));
  // The ipc channel closes when this process ends for any reason, so a killed `igpt` leaves no child behind.
  const env = { MALLOC_MMAP_THRESHOLD_: String(returnedBytes), ...process.env };
  const child = spawn(node, [entry, ...args], { env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of forwardedSignals) {
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

/** The first releases of Node 24 print a warning about type stripping at each start, which users cannot change. */
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
