// Writes the stock images as OCI archives into a directory: `node scripts/build-images.ts DIRECTORY`.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buildImage } from './images/build-image.ts';
import { busyboxImage, findBusybox, pauseImage } from './images/stock-images.ts';

const directory = process.argv[2];
if (directory === undefined) {
  console.error('usage: build-images.ts DIRECTORY');
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
const busybox = findBusybox();
if (busybox === undefined)
  console.log('There is no static busybox here: the image of the examples is not made; a release brings it.');
const images = [
  ['pause', pauseImage()] as const,
  ...(busybox === undefined ? [] : [['busybox', busyboxImage(busybox)] as const]),
];
for (const [name, image] of images) {
  const file = path.join(directory, `${name}.tar`);
  writeFileSync(`${file}.new`, await buildImage(image));
  renameSync(`${file}.new`, file);
  console.log(`${file}: ${image.name}`);
}
