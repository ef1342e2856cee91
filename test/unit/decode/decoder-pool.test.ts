import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DecoderStartError } from '../../../lib/decode/child-handle.ts';
import {
  type Decoder,
  DecoderClosedError,
  type DecoderOptions,
  openDecoder,
} from '../../../lib/decode/decoder-pool.ts';
import { TransientError } from '../../../lib/ports/error.ts';
import { nestedUseSvg } from './hostile-svg.ts';

const hostileChild = fileURLToPath(new URL('./hostile-decode-child.ts', import.meta.url));
const waitingParent = fileURLToPath(new URL('./decoder-parent.ts', import.meta.url));
const picture = (name: string) => readFileSync(new URL(`../../fixtures/pictures/${name}`, import.meta.url));

const opened: Decoder[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(opened.splice(0).map((decoder) => decoder.close()));
});

function open(options: DecoderOptions = {}): Decoder {
  const decoder = openDecoder({ width: 8, height: 8, resample: 2, crop: 'none' }, { size: 1, ...options });
  opened.push(decoder);
  return decoder;
}

/** A decoder whose children follow the order in the bytes. A good answer has the child's process id as its width. */
function openHostile(options: DecoderOptions = {}): (order: string) => Promise<{ format: string; width: number }> {
  const decoder = openDecoder(
    { width: 1, height: 1, resample: 2, crop: 'none' },
    { size: 1, childModule: hostileChild, ...options },
  );
  opened.push(decoder);
  return (order) => decoder.decode(Buffer.from(order));
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('openDecoder', () => {
  it('decodes pictures in child processes, and returns each answer for its own picture', async () => {
    const decoder = open({ size: 2 });
    const names = ['animals/cat.jpg', 'space/rocket.jpg', 'food/coffee.webp', 'things/clock.gif', 'textures/grass.png'];
    const decoded = await Promise.all(names.map((name) => decoder.decode(picture(name))));
    expect(decoded.map(({ format, width, height }) => `${format} ${width}x${height}`)).toEqual([
      'jpeg 451x300',
      'jpeg 640x427',
      'webp 600x400',
      'gif 400x300',
      'png 256x256',
    ]);
    expect(new Set(decoded.map(({ rgb }) => rgb.length))).toEqual(new Set([192]));
  });

  it('fails a bad picture with its code and goes on with the same child', async () => {
    const decoder = open();
    await expect(decoder.decode(picture('animals/cat.jpg').subarray(0, 9000))).rejects.toMatchObject({
      name: 'PictureError',
      code: 'corrupt_image',
    });
    await expect(decoder.decode(Buffer.from('plain text'))).rejects.toMatchObject({ code: 'unsupported_format' });
    expect((await decoder.decode(picture('animals/cat.jpg'))).format).toBe('jpeg');
  });

  it('refuses empty and too large files without asking a child', async () => {
    const decoder = open({ maxBytes: 10, childModule: '/nowhere' });
    await expect(decoder.decode(new Uint8Array(0))).rejects.toMatchObject({ code: 'empty_object' });
    await expect(decoder.decode(new Uint8Array(11))).rejects.toMatchObject({
      code: 'image_too_large',
      message: 'Expected at most 10 bytes, received 11.',
    });
  });

  it('refuses more pixels than allowed', async () => {
    const decoder = open({ maxPixels: 451 * 300 - 1 });
    await expect(decoder.decode(picture('animals/cat.jpg'))).rejects.toMatchObject({
      code: 'image_too_large',
      message: 'Expected at most 135299 pixels, received 451x300: make the picture smaller.',
    });
  });

  it('stops a child that needs more memory than allowed', async () => {
    const huge = await sharp({ create: { width: 9000, height: 9000, channels: 3, background: '#123456' } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    const decoder = open({ maxMemoryBytes: 200_000_000 });
    await expect(decoder.decode(huge)).rejects.toMatchObject({ code: 'image_too_large' });
    expect((await decoder.decode(picture('animals/cat.jpg'))).format).toBe('jpeg');
  });

  it('kills and replaces a child that takes too long, even inside libvips', async () => {
    const decoder = open({ allowSvg: true, timeoutMs: 700 });
    await expect(decoder.decode(nestedUseSvg())).rejects.toMatchObject({
      code: 'decode_timeout',
      message: 'Expected decoding to take at most 0.7 s, but it took longer and was stopped.',
    });
    expect((await decoder.decode(picture('animals/cat.jpg'))).format).toBe('jpeg');
  });

  it('refuses SVG unless allowed', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(open().decode(svg)).rejects.toMatchObject({ code: 'unsupported_format' });
    expect((await open({ allowSvg: true }).decode(svg)).format).toBe('svg');
  });
});

describe('openDecoder, with children that misbehave', () => {
  it('keeps one child between pictures', async () => {
    const decode = openHostile();
    const first = await decode('one');
    expect(await decode('two')).toMatchObject({ format: 'two', width: first.width });
  });

  it('tries a picture that crashed its child once more, then fails it and goes on in a new child', async () => {
    const decode = openHostile();
    const before = await decode('before');
    await expect(decode('crash')).rejects.toMatchObject({ name: 'PictureError', code: 'decode_crashed' });
    const after = await decode('after');
    expect(after.width).not.toBe(before.width);
    expect(alive(before.width)).toBe(false);
  });

  it('decodes a picture even if the idle child was killed from outside', async () => {
    const decode = openHostile();
    const before = await decode('before');
    process.kill(before.width, 'SIGKILL');
    expect((await decode('after')).format).toBe('after');
  });

  it('treats an invalid, incomplete or endless answer as a crash', async () => {
    const decode = openHostile();
    for (const order of ['nonsense', 'half', 'huge']) {
      await expect(decode(order), order).rejects.toMatchObject({ code: 'decode_crashed' });
    }
    expect((await decode('after')).format).toBe('after');
  });

  it('does not retry a picture that took too long', async () => {
    const decode = openHostile({ timeoutMs: 300 });
    await expect(decode('hang')).rejects.toMatchObject({ code: 'decode_timeout' });
    expect((await decode('after')).format).toBe('after');
  });

  it('decodes pictures in order of arrival', async () => {
    const decode = openHostile();
    const names = Array.from({ length: 20 }, (_, i) => `${i}`);
    const finished: string[] = [];
    await Promise.all(names.map(async (name) => finished.push((await decode(name)).format)));
    expect(finished).toEqual(names);
  });

  it('runs at most `size` children', async () => {
    const decode = openHostile({ size: 2 });
    const orders = Array.from({ length: 30 }, (_, i) => `${i}`);
    const answers = await Promise.all(orders.map((order) => decode(order)));
    expect(new Set(answers.map(({ width }) => width)).size).toBeLessThanOrEqual(2);
  });

  it('lets at most `maxWaiting` pictures wait', async () => {
    const decode = openHostile({ maxWaiting: 2, timeoutMs: 300 });
    const running = [decode('hang'), decode('a'), decode('b')];
    await expect(decode('c')).rejects.toBeInstanceOf(TransientError);
    await expect(running[0]).rejects.toMatchObject({ code: 'decode_timeout' });
    expect(await Promise.all(running.slice(1))).toMatchObject([{ format: 'a' }, { format: 'b' }]);
    expect((await decode('d')).format).toBe('d');
  });

  it('gives a child no environment variables but search paths', async () => {
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    const { format } = await openHostile()('environment');
    const allowed = ['LD_LIBRARY_PATH', 'OLDPWD', 'PATH', 'PWD', 'SHLVL', 'SystemRoot', 'UV_THREADPOOL_SIZE', '_'];
    expect(format.split(' ').filter((name) => !allowed.includes(name))).toEqual([]);
  });

  it('reports the installation when no child starts', async () => {
    const decode = openHostile({ childModule: '/nowhere/no-such-child.ts' });
    await expect(decode('any')).rejects.toBeInstanceOf(DecoderStartError);
    await expect(decode('any')).rejects.toThrow('npm ci');
  });
});

describe('close', () => {
  it('ends the children, and refuses running, waiting and later pictures', async () => {
    const decode = openHostile();
    const { width } = await decode('first');
    const pending = ['hang', 'waiting'].map((order) =>
      expect(decode(order)).rejects.toBeInstanceOf(DecoderClosedError),
    );
    await opened[0]!.close();
    await Promise.all(pending);
    expect(alive(width)).toBe(false);
    await expect(decode('after')).rejects.toBeInstanceOf(DecoderClosedError);
  });

  it('lets the process end', () => {
    const module = JSON.stringify(new URL('../../../lib/decode/decoder-pool.ts', import.meta.url).href);
    const script = `
      const { openDecoder } = await import(${module});
      const decoder = openDecoder({ width: 8, height: 8, resample: 2, crop: 'none' }, { size: 1 });
      await decoder.decode(Buffer.from('GIF89a')).catch((error) => console.log(error.code));
      await decoder.close();`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(output).toBe('corrupt_image\n');
  });
});

describe.skipIf(!existsSync('/proc/self/task'))('a killed parent', () => {
  it('ends its children too, even one that is busy inside libvips', async () => {
    const parent = spawn(process.execPath, [waitingParent], { stdio: 'ignore' });
    const childrenOf = `/proc/${parent.pid}/task/${parent.pid}/children`;
    await until(() => readFileSync(childrenOf, 'utf8') !== '');
    const child = Number(readFileSync(childrenOf, 'utf8'));
    // More CPU time than start-up takes (in clock ticks of 10 ms) shows that it decodes the picture.
    const cpuTime = () => Number(readFileSync(`/proc/${child}/stat`, 'utf8').split(' ')[13]);
    await until(() => cpuTime() > 100);
    parent.kill('SIGKILL');
    await until(() => !alive(child));
    expect(alive(child)).toBe(false);
  });
});
