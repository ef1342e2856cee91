import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

const photographFolder = join(import.meta.dirname, '../fixtures/pictures');

/** The repository's own JPEG photographs. */
async function photographs(): Promise<Buffer[]> {
  const all = await readdir(photographFolder, { recursive: true });
  const names = all.filter((name) => name.endsWith('.jpg')).toSorted();
  return Promise.all(names.map((name) => readFile(join(photographFolder, name))));
}

/**
 * A folder of `count` different JPEGs of one size, made once. Each is another part of one of the repository's
 * photographs.
 */
export async function pictureFolder(directory: string, count: number, width: number, height: number): Promise<string> {
  if (await isDirectory(directory)) return directory;
  const partial = `${directory}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  const sources = await photographs();
  for (let i = 0; i < count; i += 1) {
    const source = sources[i % sources.length];
    // From 100 % of the photograph at the start of the list to 60 % at its end.
    const share = 1 - (0.4 * i) / count;
    await writeFile(join(partial, `${String(i).padStart(4, '0')}.jpg`), await part(source, share, width, height));
  }
  await rename(partial, directory).catch(() => rm(partial, { recursive: true }));
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

/**
 * Makes a JPEG of `width` x `height` once, without a colour profile. It is an enlarged photograph with noise, which
 * compresses like a picture from a camera.
 */
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
