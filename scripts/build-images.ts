// Writes the stock images as OCI archives into a directory: `node scripts/build-images.ts DIRECTORY`.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buildImage } from './images/build-image.ts';
import { busyboxImage, pauseImage } from './images/stock-images.ts';

const directory = process.argv[2];
if (directory === undefined) {
  console.error('usage: build-images.ts DIRECTORY');
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
for (const [name, image] of [
  ['pause', pauseImage],
  ['busybox', busyboxImage()],
] as const) {
  const file = path.join(directory, `${name}.tar`);
  writeFileSync(`${file}.new`, await buildImage(image));
  renameSync(`${file}.new`, file);
  console.log(`${file}: ${image.name}`);
}
