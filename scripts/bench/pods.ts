// How long Pods take from kubectl to Ready, image present.
import { eventually } from '#kit/machine/command.ts';
import { median } from './report.ts';
import type { Subject } from './subject.ts';

export async function onePod({ machine, kubectl }: Subject, times: number): Promise<number> {
  const durations: number[] = [];
  for (let index = 0; index < times; index++) {
    const name = `one-${index}`;
    // By the watch of a client that waits already: the server's own times have whole seconds.
    const ready = machine
      .succeed([...kubectl, 'wait', '--for=create', `pod/${name}`, '--timeout=20s'], { timeoutSeconds: 30 })
      .then(() =>
        machine.succeed([...kubectl, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=20s'], {
          timeoutSeconds: 30,
        }),
      );
    await machine.shell('sleep 0.5');
    const began = performance.now();
    await machine.succeed([...kubectl, 'create', '-f', '-'], { input: manifest(name, 'one') });
    await ready;
    durations.push((performance.now() - began) / 1000);
    await machine.succeed([...kubectl, 'delete', 'pod', name, '--grace-period=1'], { timeoutSeconds: 60 });
  }
  return median(durations);
}

export async function podsAtOnce({ machine, kubectl }: Subject, count: number): Promise<number> {
  const input = Array.from({ length: count }, (_, index) => manifest(`many-${index}`, 'many')).join('---\n');
  const readiness = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  const began = performance.now();
  await machine.succeed([...kubectl, 'create', '-f', '-'], { input, timeoutSeconds: 60 });
  await eventually('all Pods are ready', 120, async () => {
    const states = await machine.succeed([...kubectl, 'get', 'pods', '-l', 'set=many', '-o', `jsonpath=${readiness}`]);
    return states.split('\n').filter((state) => state === 'True').length === count ? true : undefined;
  });
  const seconds = (performance.now() - began) / 1000;
  await machine.succeed([...kubectl, 'delete', 'pods', '-l', 'set=many', '--grace-period=1'], { timeoutSeconds: 120 });
  return seconds;
}

const manifest = (name: string, set: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, labels: {set: ${set}}}\nspec:\n  terminationGracePeriodSeconds: 1\n  containers: [{name: c, image: "localhost/microshift/busybox:1", command: [sleep, "3600"]}]\n`;
