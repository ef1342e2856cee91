import { PictureError } from '../pipeline/ports.ts';
import { decodePicture, restrictLibvips } from './decode-picture.ts';
import { type ChildSettings, childSettings, FRAME_OVERHEAD, readFrames, writeFrame } from './decode-protocol.ts';

/** How often the child looks at its own memory while libvips works on another thread, milliseconds. */
const MEMORY_CHECK_MS = 25;

const NO_DATA = new Uint8Array(0);

/**
 * Entry of the child process in which untrusted bytes are decoded: settings as JSON in its one argument, pictures in
 * on standard input, answers out on standard output, one at a time.
 */
async function serve(settings: ChildSettings): Promise<void> {
  // The parent is gone, maybe killed: nobody waits for an answer.
  process.stdin.once('close', endNow);
  process.stdout.once('error', endNow);
  restrictLibvips(settings.allowSvg);
  writeFrame(process.stdout, { ready: true }, NO_DATA);
  const requests = readFrames(process.stdin, settings.maxBytes + FRAME_OVERHEAD);
  let next = requests.next();
  for (;;) {
    const request = await next;
    if (request.done) return;
    // Reading on while this picture is decoded is how the end of standard input is noticed meanwhile.
    next = requests.next();
    await answer(request.value.data, settings);
  }
}

async function answer(bytes: Uint8Array, settings: ChildSettings): Promise<void> {
  const stopWatching = watchMemory(settings.maxMemoryBytes);
  try {
    const { rgb, ...head } = await decodePicture(bytes, settings);
    writeFrame(process.stdout, head, rgb);
  } catch (error) {
    // Anything else is a bug of ours: it ends the child, and the picture as decode_crashed.
    if (!(error instanceof PictureError)) throw error;
    writeFrame(process.stdout, { code: error.code, message: error.message }, NO_DATA);
  } finally {
    stopWatching();
  }
}

/** Answers for the picture and ends the process as soon as it holds more than `maxBytes`. */
function watchMemory(maxBytes: number): () => void {
  const timer = setInterval(() => {
    if (process.memoryUsage.rss() < maxBytes) return;
    clearInterval(timer);
    const message = `Expected decoding to need less than ${maxBytes} bytes of memory: make the picture smaller.`;
    writeFrame(process.stdout, { code: 'image_too_large', message }, NO_DATA, endNow);
  }, MEMORY_CHECK_MS);
  return () => clearInterval(timer);
}

/** SIGKILL, because a normal exit waits for the thread that decodes, and a hostile picture keeps it busy for long. */
function endNow(): void {
  process.kill(process.pid, 'SIGKILL');
}

await serve(childSettings.parse(JSON.parse(process.argv[2] ?? '{}')));
