import { PictureError } from '../ports/error.ts';
import { decodePicture, restrictLibvips } from './decode-picture.ts';
import { type ChildSettings, childSettings, FRAME_OVERHEAD, frameReader, writeFrameSync } from './decode-protocol.ts';

/** How often the child looks around while libvips works on another thread, milliseconds. */
const CHECK_MS = 25;

const STDIN = 0;
const STDOUT = 1;

const NO_DATA = new Uint8Array(0);

const parent = process.ppid;

/**
 * Entry of the child process in which untrusted bytes are decoded: settings as JSON in its one argument, pictures in
 * on standard input, answers out on standard output, one at a time.
 *
 * It waits for pictures without an event loop: through Node's streams a small one would cost a tenth more.
 */
async function serve(settings: ChildSettings): Promise<void> {
  restrictLibvips(settings.allowSvg);
  writeFrameSync(STDOUT, { ready: true }, NO_DATA);
  const next = frameReader(STDIN, settings.maxBytes + FRAME_OVERHEAD);
  for (let request = next(); request; request = next()) await answer(request.data, settings);
}

async function answer(bytes: Uint8Array, settings: ChildSettings): Promise<void> {
  const stopWatching = watch(settings.maxMemoryBytes);
  try {
    const { rgb, ...head } = await decodePicture(bytes, settings);
    writeFrameSync(STDOUT, head, rgb);
  } catch (error) {
    // Anything else is a bug of ours: it ends the child, and the picture as decode_crashed.
    if (!(error instanceof PictureError)) throw error;
    writeFrameSync(STDOUT, { code: error.code, message: error.message }, NO_DATA);
  } finally {
    stopWatching();
  }
}

/**
 * Ends the process as soon as it holds more than `maxBytes`, having answered for the picture, or when its parent is
 * gone, maybe killed: nobody waits for an answer then.
 */
function watch(maxBytes: number): () => void {
  const timer = setInterval(() => {
    if (process.ppid !== parent) endNow();
    if (process.memoryUsage.rss() < maxBytes) return;
    const message = `Expected decoding to need less than ${maxBytes} bytes of memory: make the picture smaller.`;
    writeFrameSync(STDOUT, { code: 'image_too_large', message }, NO_DATA);
    endNow();
  }, CHECK_MS);
  return () => clearInterval(timer);
}

/** SIGKILL, because a normal exit waits for the thread that decodes, and a hostile picture keeps it busy for long. */
function endNow(): void {
  process.kill(process.pid, 'SIGKILL');
}

await serve(childSettings.parse(JSON.parse(process.argv[2] ?? '{}')));
