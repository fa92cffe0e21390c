// DaemonSet: a Pod on every node that takes it.
import { ControllerRevisions, DaemonSets, Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Node } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { controllerIndex, orphansOf } from '../ownership/ownership.ts';
import { wakeByMember } from '../ownership/wake-by-member.ts';
import {
  controllerOwner,
  keyText,
  keyedController,
  partChanges,
  read,
  self,
  splitKey,
  write,
  writeSubresource,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide, noteFailure } from './decide.ts';
import { FailureBackoff } from './failure-backoff.ts';

const owner = controllerOwner(DaemonSets);

const wakeByPod = wakeByMember(DaemonSets, (one, labels) => matcherFor(one.spec.selector).matches(labels));

export function daemonSet(): Controller {
  const backoff = new FailureBackoff();
  let latestMs = 0;
  return keyedController({
    name: 'daemonset',
    account: 'daemon-set-controller',
    component: 'daemonset-controller',
    reads: [
      read(DaemonSets, self),
      read(Pods, wakeByPod),
      read(
        Nodes,
        (_node: Node, lookup: Lookup) => lookup.list(DaemonSets).map(keyText),
        partChanges(({ metadata, spec }) => [metadata.labels, spec?.taints]),
      ),
      // One that comes is its maker's business, as upstream: what changes or goes is put right.
      read(ControllerRevisions, owner, (previous) => previous !== undefined),
    ],
    writes: [
      write(Pods, 'create', 'delete', 'patch'),
      write(ControllerRevisions, 'create', 'update', 'patch', 'delete'),
      writeSubresource(DaemonSets, 'status', 'update'),
    ],
    effects: { [noteFailure]: async (key) => backoff.note(key, latestMs) },
    snapshot(lookup, key, { monotonicMs }) {
      latestMs = monotonicMs;
      const { namespace, name } = splitKey(key);
      const found = lookup.get(DaemonSets, namespace, name);
      if (found === undefined) return undefined;
      const uid = found.metadata.uid!;
      const orphans = orphansOf(namespace);
      return {
        daemonSet: found,
        pods: [...lookup.byIndex(Pods, controllerIndex, uid), ...lookup.byIndex(Pods, controllerIndex, orphans)],
        nodes: lookup.list(Nodes),
        revisions: [
          ...lookup.byIndex(ControllerRevisions, controllerIndex, uid),
          ...lookup.byIndex(ControllerRevisions, controllerIndex, orphans),
        ],
        revisionNamed: (revision: string) => lookup.get(ControllerRevisions, namespace, revision),
        failedBackoffMs: (node: string) => backoff.leftMs(`${uid}/${node}`, monotonicMs),
      };
    },
    decide,
  });
}
