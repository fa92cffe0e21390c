// The images that a first start needs, made from Debian packages: catatonit as the pause image, busybox-static for examples
// and tests.
import { spawnSync } from 'node:child_process';
import { type ImageDescription } from './build-image.ts';

export const pauseImageName = 'localhost/microshift/pause:1';
export const busyboxImageName = 'localhost/microshift/busybox:1';

export const pauseImage: ImageDescription = {
  name: pauseImageName,
  entrypoint: ['/catatonit', '-P'],
  files: [{ path: '/catatonit', from: '/usr/bin/catatonit', mode: 0o755 }],
};

/** Busybox with a link for each of its applets, a root user and a writable /tmp. */
export function busyboxImage(busybox = '/bin/busybox'): ImageDescription {
  const listed = spawnSync(busybox, ['--list'], { encoding: 'utf8' });
  if (listed.status !== 0) throw new Error(`${busybox} --list failed; install the package busybox-static`);
  const applets = listed.stdout.split('\n').filter((applet) => applet !== '' && applet !== 'busybox');
  return {
    name: busyboxImageName,
    command: ['sh'],
    files: [
      { path: '/bin/busybox', from: busybox, mode: 0o755 },
      ...applets.map((applet) => ({ path: `/bin/${applet}`, symlink: '/bin/busybox' })),
      { path: '/etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' },
      { path: '/etc/group', content: 'root:x:0:\nnobody:x:65534:\n' },
      { path: '/root', directory: true, mode: 0o700 },
      { path: '/tmp', directory: true, mode: 0o1777 },
    ],
  };
}
