import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import type { Failure } from '../contracts/failure.ts';
import { ImageGptError } from '../image-gpt/error.ts';
import { type DecodedPicture, PictureError } from '../pipeline/ports.ts';
import {
  answerHead,
  type ChildSettings,
  FRAME_OVERHEAD,
  readFrames,
  readyHead,
  writeFrame,
} from './decode-protocol.ts';

/** A decoding child process that is up and takes one picture at a time. */
export interface ChildHandle {
  /**
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
 * Starts a child and resolves when it is ready.
 *
 * What holds it back, and where: its environment has none of the parent's variables but the search paths, so no
 * credentials (everywhere); libvips loads only the accepted formats (everywhere); the child watches its resident
 * memory every 25 ms and gives up above `maxMemoryBytes` (everywhere, except while it runs JavaScript); on Linux the
 * kernel also refuses it private memory beyond that (RLIMIT_DATA by `ulimit -d`), a bound on what libvips can
 * allocate between two looks. It still runs as the same user, with its files and network.
 *
 * @param module path of decode-child.ts, or of a bundle of it
 * @throws {DecoderStartError} when it ends before it is ready
 */
export async function startChild(settings: ChildSettings, module: string): Promise<ChildHandle> {
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

  const first = await frames.next();
  if (first.done || !readyHead.safeParse(first.value.head).success) {
    await kill();
    throw new DecoderStartError(
      'decoder_start_failed',
      `Expected a decoding process to start, but it ended (${await exited}): check the installation with npm ci.`,
    );
  }

  return {
    kill,
    async decode(bytes, timeoutMs) {
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        child.kill('SIGKILL');
      }, timeoutMs);
      try {
        writeFrame(child.stdin, {}, bytes);
        const { value } = await frames.next();
        const answer = answerHead.safeParse(value?.head);
        if (!value || !answer.success) throw new ChildEndedError('child_ended', 'The decoding process gave no answer.');
        if ('code' in answer.data) return answer.data;
        if (value.data.length !== rgbBytes)
          throw new ChildEndedError('child_ended', 'The decoding process gave half an answer.');
        return { ...answer.data, rgb: value.data };
      } catch (cause) {
        await kill();
        if (timedOut) {
          throw new PictureError(
            'decode_timeout',
            `Expected decoding to take at most ${timeoutMs / 1000} s, it took longer and was ended.`,
          );
        }
        throw new ChildEndedError('child_ended', `The decoding process ended (${await exited}).`, { cause });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Private memory that Node 24 maps before it has done anything (620 MB, mostly unused thread stacks), KiB. */
const NODE_BASE_KIB = 768 * 1024;

/** JavaScript's own heap; pixels lie outside it, MB. */
const HEAP_MB = 64;

function spawnLimited(args: string[], maxMemoryBytes: number): ChildProcessByStdio<Writable, Readable, null> {
  const node = [process.execPath, `--max-old-space-size=${HEAP_MB}`, ...args];
  const limitKib = NODE_BASE_KIB + Math.ceil(maxMemoryBytes / 1024);
  // `exec` keeps one process; where the limit may not be set, Node starts without it.
  const shell = ['/bin/sh', '-c', `ulimit -d ${limitKib} 2>/dev/null; exec "$0" "$@"`];
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
