import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

const PHOTOGRAPHS = join(import.meta.dirname, '../fixtures/pictures');

/** The repository's own JPEG photographs. */
async function photographs(): Promise<Buffer[]> {
  const all = await readdir(PHOTOGRAPHS, { recursive: true });
  const names = all.filter((name) => name.endsWith('.jpg')).toSorted();
  return Promise.all(names.map((name) => readFile(join(PHOTOGRAPHS, name))));
}

/**
 * A folder of `count` different JPEGs of one size, cut from the repository's photographs; made once. Every one is
 * another part of a photograph, so that no two are equal.
 */
export async function pictureFolder(directory: string, count: number, width: number, height: number): Promise<string> {
  if (await isDirectory(directory)) return directory;
  const parts = `${directory}.${process.pid}`;
  await mkdir(parts, { recursive: true });
  const sources = await photographs();
  for (let i = 0; i < count; i += 1) {
    const source = sources[i % sources.length];
    // From 60 to 100 % of the photograph: the smaller the part, the further down the list.
    const share = 1 - (0.4 * i) / count;
    await writeFile(join(parts, `${String(i).padStart(4, '0')}.jpg`), await part(source, share, width, height));
  }
  await rename(parts, directory).catch(() => rm(parts, { recursive: true }));
  return directory;
}

async function part(source: Buffer | undefined, share: number, width: number, height: number): Promise<Buffer> {
  const picture = sharp(source).removeAlpha().toColourspace('srgb');
  const { width: fullWidth, height: fullHeight } = await picture.metadata();
  return picture
    .extract({ left: 0, top: 0, width: Math.ceil(fullWidth * share), height: Math.ceil(fullHeight * share) })
    .resize(width, height, { fit: 'fill' })
    .jpeg({ quality: 90 })
    .toBuffer();
}

/** A JPEG of `width` x `height` without a colour profile: a photograph enlarged, with noise so that it compresses like a camera's. */
export async function largePicture(file: string, width: number, height: number): Promise<string> {
  if (await isFile(file)) return file;
  const [photograph] = await photographs();
  const { data } = await sharp(photograph)
    .removeAlpha()
    .toColourspace('srgb')
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (let i = 0; i < data.length; i += 1) {
    const noise = ((Math.imul(i + 1, 2654435761) >>> 16) % 17) - 8;
    data[i] = Math.max(0, Math.min(255, (data[i] ?? 0) + noise));
  }
  await mkdir(join(file, '..'), { recursive: true });
  await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(`${file}.part`);
  await rename(`${file}.part`, file);
  return file;
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
