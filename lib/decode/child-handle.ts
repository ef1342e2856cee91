import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { Failure } from '../contracts/failure.ts';
import { ImageGptError, PictureError } from '../ports/error.ts';
import type { DecodedPicture } from '../ports/picture-decoder.ts';
import {
  answerHead,
  type ChildSettings,
  FRAME_OVERHEAD,
  readFrames,
  readyHead,
  writeFrame,
} from './decode-protocol.ts';

/** A decoding child process; it takes one picture at a time. */
export interface ChildHandle {
  /**
   * Waits until the child is up, then has the picture decoded.
   *
   * @throws {DecoderStartError} when the child does not come up
   * @throws {PictureError} decode_timeout when it takes longer than `timeoutMs`: the child is killed
   * @throws {ChildEndedError} when the child ended instead of answering
   */
  decode(bytes: Uint8Array, timeoutMs: number): Promise<DecodedPicture | Failure>;
  /** Kills the child at once; resolves when it is gone. */
  kill(): Promise<void>;
}

/** The child ended, or answered nonsense, while it had a picture. */
export class ChildEndedError extends ImageGptError {}

/** No child can be started at all: the installation is at fault, not a picture. */
export class DecoderStartError extends ImageGptError {}

/**
 * Starts a child.
 *
 * What holds it back, and where: its environment has none of the parent's variables but the search paths, so no
 * credentials (everywhere); libvips loads only the accepted formats (everywhere); the child watches its resident
 * memory every 25 ms and gives up above `maxMemoryBytes` (everywhere, except while it runs JavaScript); on Linux the
 * kernel also refuses it private memory beyond that (RLIMIT_DATA by `ulimit -d`), a bound on what libvips can
 * allocate between two looks. It still runs as the same user, with its files and network.
 *
 * @param module path of decode-child.ts, or of a bundle of it
 */
export function startChild(settings: ChildSettings, module: string): ChildHandle {
  const child = spawnLimited([module, JSON.stringify(settings)], settings.maxMemoryBytes);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  // A write to a child that has just ended: its exit says all there is to say.
  child.stdin.on('error', () => {});
  const rgbBytes = settings.recipe.width * settings.recipe.height * 3;
  const frames = readFrames(child.stdout, rgbBytes + FRAME_OVERHEAD);

  async function kill(): Promise<void> {
    child.kill('SIGKILL');
    await exited;
  }

  async function start(): Promise<void> {
    const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
    const { value } = await frames.next();
    clearTimeout(timer);
    if (readyHead.safeParse(value?.head).success) return;
    await kill();
    throw new DecoderStartError(
      'decoder_start_failed',
      `Expected a decoding process to start, but it ended (${await exited}): install the packages again with npm ci.`,
    );
  }

  async function ask(bytes: Uint8Array): Promise<DecodedPicture | Failure> {
    writeFrame(child.stdin, {}, bytes);
    const { value } = await frames.next();
    if (!value) throw new ChildEndedError('child_ended', `The decoding process ended (${await exited}).`);
    const head = answerHead.parse(value.head);
    if ('code' in head) return head;
    if (value.data.length !== rgbBytes)
      throw new ChildEndedError('child_ended', 'The decoding process sent half a picture.');
    return { ...head, rgb: value.data };
  }

  const started = start();
  // Reported by decode(); a child that is never asked for anything may fail in silence.
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
          const message = `Expected decoding to take at most ${timeoutMs / 1000} s, it took longer and was ended.`;
          throw new PictureError('decode_timeout', message);
        }
        throw new ChildEndedError('child_ended', 'The decoding process gave no answer.', { cause });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** A child takes a quarter of a second to start; after this long it never will, milliseconds. */
const START_MS = 60_000;

/** Private memory that Node 24 maps before it has done anything (620 MB, mostly unused thread stacks), KiB. */
const NODE_BASE_KIB = 768 * 1024;

/**
 * JavaScript's own heap, MB. Pictures lie outside it, but V8 measures what they weigh by it: at 64 it collects garbage at
 * every other picture once a few hundred have come (3,000 small PNGs take 20 s instead of 2), from 256 on it doesn't.
 */
const HEAP_MB = 256;

function spawnLimited(args: string[], maxMemoryBytes: number): ChildProcessByStdio<Writable, Readable, null> {
  const node = [process.execPath, `--max-old-space-size=${HEAP_MB}`, ...args];
  const limitKib = NODE_BASE_KIB + Math.ceil(maxMemoryBytes / 1024);
  // No core dumps of strangers' pictures. `exec` keeps one process; where a limit may not be set, Node starts without.
  const shell = ['/bin/sh', '-c', `ulimit -c 0; ulimit -d ${limitKib} 2>/dev/null; exec "$0" "$@"`];
  const [command = '', ...rest] = process.platform === 'linux' && existsSync('/bin/sh') ? [...shell, ...node] : node;
  return spawn(command, rest, {
    env: childEnvironment(),
    stdio: ['pipe', 'pipe', 'ignore'],
    // Its own process group: Ctrl-C in a terminal reaches only the parent, which then finishes what is in flight.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
}

/** Nothing of the parent's environment but where programs and libraries are. */
function childEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'LD_LIBRARY_PATH', 'SystemRoot'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  // One thread for libvips' work: a child has one picture at a time.
  return { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: '1' };
}
