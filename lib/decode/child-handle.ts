import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { type Failure, failureCode } from '../contracts/field-types.ts';
import { compileCacheEnvironment } from '../local/compile-cache.ts';
import { systemSaid } from '../local/error.ts';
import { ImageGptError, InstallationError, PictureError } from '../ports/error.ts';
import type { DecodedPicture } from '../ports/picture-decoder.ts';
import { type ChildSettings, frameOverhead, readFrames, writeFrame } from './decode-protocol.ts';

// The answers of the child are validated here and not in decode-protocol.ts, because the child itself loads no zod.

/** First frame from the child: it is ready for pictures. */
const readyHead = z.strictObject({ ready: z.literal(true) });

/** The child's answer to a picture. On success, `data` is rgb [height, width, 3] at the input resolution. */
export const answerHead = z.union([
  z.strictObject({ format: z.string(), width: z.int().positive(), height: z.int().positive() }),
  z.strictObject({ code: failureCode, message: z.string() }),
]);

/** A decoding child process. It decodes one picture at a time. */
export interface ChildHandle {
  /**
   * Waits until the child has started, then has it decode the picture.
   *
   * @throws {DecoderStartError} when the child does not start
   * @throws {PictureError} decode_timeout when decoding takes longer than `timeoutMs`: the child is killed
   * @throws {ChildEndedError} when the child ended before it answered
   */
  decode(bytes: Uint8Array, timeoutMs: number): Promise<DecodedPicture | Failure>;
  /** Kills the child at once. Resolves when it has exited. */
  kill(): Promise<void>;
}

/** The child ended while it decoded a picture, or its answer was invalid. */
export class ChildEndedError extends ImageGptError {}

/** No child can be started. */
export class DecoderStartError extends InstallationError {}

/**
 * Starts a child. What contains it:
 *
 * - Its environment holds only search paths, so no credentials.
 * - libvips loads only the accepted formats.
 * - The child checks its resident memory every 25 ms (except while JavaScript runs) and gives up above
 *   `maxMemoryBytes`.
 * - On Linux, the kernel also limits its private memory (RLIMIT_DATA, set by `ulimit -d`). This bounds what libvips can
 *   allocate between two checks.
 *
 * The child still runs as the same user, with that user's files and network.
 *
 * @param module path of decode-child.ts, or of its bundle
 */
export function startChild(settings: ChildSettings, module: string): ChildHandle {
  let child: ChildProcess;
  try {
    child = spawnLimited([module, JSON.stringify(settings)], settings.maxMemoryBytes);
  } catch (error) {
    return withoutChild(Promise.resolve(notSpawned(error)));
  }
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(notSpawned(error)));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const { stdin, stdout } = child;
  // Node leaves them out when the system has no file descriptors for them.
  if (!stdin || !stdout) return withoutChild(exited);
  // A write to a child that has just ended fails. The exit is reported instead.
  stdin.on('error', () => {});
  const rgbBytes = settings.recipe.width * settings.recipe.height * 3;
  const frames = readFrames(stdout, rgbBytes + frameOverhead);

  async function kill(): Promise<void> {
    child.kill('SIGKILL');
    await exited;
  }

  async function start(): Promise<void> {
    const timer = setTimeout(() => child.kill('SIGKILL'), startTimeoutMs);
    const { value } = await frames.next();
    clearTimeout(timer);
    if (readyHead.safeParse(value?.head).success) return;
    await kill();
    throw startError(`it ended (${await exited}): install the packages again with npm ci`);
  }

  const ask = async (bytes: Uint8Array): Promise<DecodedPicture | Failure> => {
    writeFrame(stdin, {}, bytes);
    const { value } = await frames.next();
    if (!value) throw new ChildEndedError('child_ended', `The decoding process ended (${await exited}).`);
    const head = answerHead.parse(value.head);
    if ('code' in head) return head;
    if (value.data.length !== rgbBytes)
      throw new ChildEndedError('child_ended', 'The decoding process sent an incomplete picture.');
    return { ...head, rgb: value.data };
  };

  const started = start();
  // decode() reports the failure; a child that never gets a picture may fail silently.
  started.catch(() => {});

  return {
    kill,
    async decode(bytes, timeoutMs) {
      await started;
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        child.kill('SIGKILL');
      }, timeoutMs);
      try {
        return await ask(bytes);
      } catch (cause) {
        await kill();
        if (timedOut) {
          const message = `Expected decoding to take at most ${timeoutMs / 1000} s, but it took longer and was stopped.`;
          throw new PictureError('decode_timeout', message);
        }
        throw new ChildEndedError('child_ended', 'The decoding process ended without an answer.', { cause });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** A child that could not be started. */
function withoutChild(reason: Promise<string>): ChildHandle {
  return {
    kill: () => Promise.resolve(),
    async decode() {
      throw startError(await reason);
    },
  };
}

function notSpawned(error: unknown): string {
  return `the system said ${systemSaid(error)}`;
}

function startError(why: string): DecoderStartError {
  return new DecoderStartError('decoder_start_failed', `Expected a decoding process to start, but ${why}.`);
}

/** How long a child may take to start (milliseconds). It usually takes 250. */
const startTimeoutMs = 60_000;

/** Private memory that Node 24 maps at start (KiB): 620 MB, mostly unused thread stacks, plus a reserve. */
const nodeBaseKib = 768 * 1024;

/**
 * Size of the JavaScript heap (MB). Pictures are outside the heap, but the heap's size decides how often V8 collects
 * garbage. With 64 MB, V8 soon collects after every other picture: 3,000 small PNGs take 20 s instead of 2 s. With
 * 256 MB it does not.
 */
const heapMb = 256;

function spawnLimited(args: string[], maxMemoryBytes: number): ChildProcess {
  const node = [process.execPath, `--max-old-space-size=${heapMb}`, ...args];
  const limitKib = nodeBaseKib + Math.ceil(maxMemoryBytes / 1024);
  // No core dumps of users' pictures. `exec` avoids a second process. If a limit cannot be set, Node starts without it.
  const shell = ['/bin/sh', '-c', `ulimit -c 0; ulimit -d ${limitKib} 2>/dev/null; exec "$0" "$@"`];
  const [command = '', ...rest] = process.platform === 'linux' && existsSync('/bin/sh') ? [...shell, ...node] : node;
  return spawn(command, rest, {
    env: childEnvironment(),
    stdio: ['pipe', 'pipe', 'ignore'],
    // A process group of its own: Ctrl-C reaches only the parent, which then finishes the pictures in flight.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
}

/** Only the variables that say where programs, libraries and compiled code are. */
function childEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'LD_LIBRARY_PATH', 'SystemRoot'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  // One thread for libvips: a child decodes one picture at a time.
  return { ...Object.fromEntries(kept), ...compileCacheEnvironment(), UV_THREADPOOL_SIZE: '1' };
}
