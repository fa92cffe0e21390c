// The images that a first start needs, made from packages of the distribution: catatonit as the pause image, a static busybox for
// examples and tests.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type ImageDescription } from './build-image.ts';

export const pauseImageName = 'localhost/microshift/pause:1';
export const busyboxImageName = 'localhost/microshift/busybox:1';

// Debian's place and Fedora's.
const catatonitPaths = ['/usr/bin/catatonit', '/usr/libexec/catatonit/catatonit', '/usr/libexec/podman/catatonit'];
const busyboxPaths = ['/bin/busybox', '/usr/sbin/busybox'];

/** Throws when there is no catatonit. */
export function pauseImage(): ImageDescription {
  const catatonit = catatonitPaths.find((path) => existsSync(path));
  if (catatonit === undefined) throw new Error('catatonit is not installed; install the package catatonit');
  return {
    name: pauseImageName,
    entrypoint: ['/catatonit', '-P'],
    files: [{ path: '/catatonit', from: catatonit, mode: 0o755 }],
  };
}

/** Undefined where the distribution has no static busybox (CentOS Stream, RHEL). */
export const findBusybox = (): string | undefined => busyboxPaths.find((path) => existsSync(path));

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
