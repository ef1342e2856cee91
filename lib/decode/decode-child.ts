import { flushCompileCache } from 'node:module';
import { PictureError } from '../ports/error.ts';
import { decodePicture, restrictLibvips } from './decode-picture.ts';
import { type ChildSettings, frameOverhead, frameReader, writeFrameSync } from './decode-protocol.ts';

/** How often the child checks its memory and its parent while libvips works on another thread (milliseconds). */
const checkMs = 25;

const stdin = 0;
const stdout = 1;

const noData = new Uint8Array(0);

const parent = process.ppid;

/**
 * Entry of the child process that decodes untrusted bytes. Its only argument is the settings as JSON. It reads pictures
 * from standard input and writes answers to standard output, one at a time.
 *
 * It reads without an event loop: Node's streams would take 10 % longer for a small picture.
 */
async function serve(settings: ChildSettings): Promise<void> {
  restrictLibvips(settings.allowSvg);
  writeFrameSync(stdout, { ready: true }, noData);
  // The parent ends this process by SIGKILL, so Node would not write its compile cache at exit.
  flushCompileCache();
  const next = frameReader(stdin, settings.maxBytes + frameOverhead);
  for (let request = next(); request; request = next()) await answer(request.data, settings);
}

async function answer(bytes: Uint8Array, settings: ChildSettings): Promise<void> {
  const stopWatching = watch(settings.maxMemoryBytes);
  try {
    const { rgb, ...head } = await decodePicture(bytes, settings);
    writeFrameSync(stdout, head, rgb);
  } catch (error) {
    // Anything else is our own bug: the child ends, and the picture fails with decode_crashed.
    if (!(error instanceof PictureError)) throw error;
    writeFrameSync(stdout, { code: error.code, message: error.message }, noData);
  } finally {
    stopWatching();
  }
}

/** Ends the process when it uses more than `maxBytes` (after an answer to the parent) or when its parent has ended. */
function watch(maxBytes: number): () => void {
  const timer = setInterval(() => {
    if (process.ppid !== parent) endNow();
    if (process.memoryUsage.rss() < maxBytes) return;
    const message = `Expected decoding to need less than ${maxBytes} bytes of memory: make the picture smaller.`;
    writeFrameSync(stdout, { code: 'image_too_large', message }, noData);
    endNow();
  }, checkMs);
  return () => clearInterval(timer);
}

/** Uses SIGKILL: a normal exit waits for the decoding thread, which a hostile picture can keep busy. */
function endNow(): void {
  process.kill(process.pid, 'SIGKILL');
}

await serve(JSON.parse(process.argv[2] ?? '{}'));
