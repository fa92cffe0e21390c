// A test machine for the node agent: a network namespace without a way out, a private containerd with its own root, state
// and socket, the stock images, a bridge. Everything goes when it is closed. The test process itself must run in the
// namespace: run `node test/e2e/node/run.ts`, which enters it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { PrivateContainerd } from '#host/linux/containerd.ts';
import { linuxMounts } from '#host/linux/mounts.ts';
import { linuxNodeMachine } from '#host/node-machine.ts';
import { buildImage } from '../../../scripts/images/build-image.ts';
import { busyboxImage, pauseImage, pauseImageName } from '../../../scripts/images/stock-images.ts';

export interface TestMachine {
  readonly directory: string;
  readonly socketPath: string;
  readonly containerd: PrivateContainerd;
  close(): Promise<void>;
}

export const run = (command: string, args: readonly string[]): string => {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};

/** True when this process's network namespace has no default route: the closed one. */
export const isClosedNamespace = (): boolean => run('ip', ['route', 'show', 'default']).trim() === '';

export async function startTestMachine(registryDirectory?: string): Promise<TestMachine> {
  const directory = mkdtempSync('/tmp/node-e2e-');
  const cni = path.join(directory, 'cni');
  mkdirSync(cni);
  writeFileSync(
    path.join(cni, '10-test.conflist'),
    JSON.stringify({
      cniVersion: '0.4.0',
      name: 'test',
      plugins: [
        {
          type: 'bridge',
          bridge: 'cni-test',
          isGateway: true,
          ipMasq: false,
          ipam: {
            type: 'host-local',
            dataDir: path.join(directory, 'ipam'),
            ranges: [[{ subnet: '10.88.7.0/24' }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
      ],
    }),
  );
  const containerd = new PrivateContainerd({
    rootDirectory: path.join(directory, 'root'),
    stateDirectory: path.join(directory, 'run'),
    logFile: path.join(directory, 'containerd.log'),
    sandboxImage: pauseImageName,
    cniConfigDirectory: cni,
    ...(registryDirectory === undefined ? {} : { registryDirectory }),
    clock: systemClock,
    logger: silentLogger,
  });
  await containerd.start();
  for (const [file, image] of [
    ['pause.tar', pauseImage()],
    ['busybox.tar', busyboxImage()],
  ] as const) {
    writeFileSync(path.join(directory, file), await buildImage(image));
    run('ctr', ['--address', containerd.socketPath, '-n', 'k8s.io', 'images', 'import', path.join(directory, file)]);
  }
  return {
    directory,
    socketPath: containerd.socketPath,
    containerd,
    async close() {
      await containerd.stop();
      await endShims(directory);
      await linuxNodeMachine().removeCgroup(`/kubepods-e2e-${process.pid}`);
      await linuxNodeMachine().removeCgroup('/node-e2e');
      for (const target of linuxMounts.list().toReversed())
        if (target.startsWith(directory)) linuxMounts.unmount(target);
      rmSync(directory, { recursive: true, force: true });
      if (existsSync('/sys/class/net/cni-test')) spawnSync('ip', ['link', 'delete', 'cni-test']);
    },
  };
}

/** Kills the shims of this machine's containerd, found by its socket in their arguments, and what they ran. */
async function endShims(directory: string): Promise<void> {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return '';
    }
  };
  const shims = processes.filter(
    (pid) => read(pid, 'cmdline').includes(`\0${directory}/`) && read(pid, 'comm').startsWith('containerd-shim'),
  );
  for (const shim of shims) {
    for (const pid of processes)
      if (read(pid, 'stat').split(') ').at(-1)?.split(' ')[1] === shim) process.kill(Number(pid), 'SIGKILL');
    process.kill(Number(shim), 'SIGKILL');
  } // Their mounts and cgroups are free when they are gone.
  const alive = () => shims.some((pid) => existsSync(`/proc/${pid}`) && !read(pid, 'stat').includes(') Z'));
  for (let tries = 0; tries < 100 && alive(); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
}
