// Empties a namespace that is being deleted, says how far it is, and lets it go at the end.
import { Events, Namespaces } from '#api/generated/kind-references.ts';
import type { Namespace, NamespaceCondition } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { withCondition } from '#api/meta/conditions.ts';
import { formatTime } from '#api/meta/time.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { nothing, remove, update, updateStatus, type Action, type Decision } from '../runtime/action.ts';
import type { Failure } from '../runtime/declaration.ts';

export interface NamespaceSnapshot {
  readonly namespace: Namespace;
  /** Kinds with objects left in the namespace; Events are not among them. */
  readonly content: readonly { readonly kind: KindReference; readonly objects: readonly KubernetesObject[] }[];
  /** Every kind that must be empty before the namespace goes. */
  readonly kinds: readonly KindReference[];
  readonly failure: Failure | undefined;
  /** Group versions of servers that cannot be asked what they have. */
  readonly undiscovered: readonly string[];
}

const finalizer = 'kubernetes';
/** Servers that are away come back without telling here. */
const discoveryRetryMs = 5_000;

export function decide(snapshot: NamespaceSnapshot, now: number): Decision {
  const { namespace, content, kinds, failure, undiscovered } = snapshot;
  const { finalizers = [] } = namespace.spec ?? {};
  if (namespace.metadata.deletionTimestamp === undefined || !finalizers.includes(finalizer)) return nothing;
  const isKnown = undiscovered.length === 0;
  if (content.length === 0 && failure === undefined && isKnown) return { actions: finalize(namespace, kinds) };

  // Pods first, so that nothing they rely on goes before them (KEP-5080).
  const pods = content.filter((one) => one.kind.group === '' && one.kind.resource === 'pods');
  const turn = pods.length > 0 ? pods : content;
  const deletes = turn.flatMap(({ kind, objects }) =>
    objects
      .filter((one) => one.metadata.deletionTimestamp === undefined)
      .map((one) => remove(kind, one, { propagationPolicy: 'Background' })),
  );
  const conditions = withConditions(snapshot, turn, now);
  const status = { ...namespace.status, phase: 'Terminating', conditions };
  const statusActions: Action[] = semanticallyEqual(status, namespace.status)
    ? []
    : [updateStatus(Namespaces, { ...namespace, status })];
  const last = content.length === 0 && isKnown ? finalize(namespace, kinds) : [];
  // After a status update the finalizing one would conflict: it comes with the next look.
  const actions = [...statusActions, ...deletes, ...(statusActions.length > 0 ? [] : last)];
  return isKnown ? { actions } : { actions, wakeAfterMs: discoveryRetryMs };
}

const finalize = (namespace: Namespace, kinds: readonly KindReference[]): Action[] => [
  { verb: 'purge', kind: Events, namespace: namespace.metadata.name! },
  update(
    Namespaces,
    {
      ...namespace,
      spec: { ...namespace.spec, finalizers: namespace.spec!.finalizers!.filter((one) => one !== finalizer) },
    },
    {
      subresource: 'finalize',
      guard: { type: 'empty', namespace: namespace.metadata.name!, kinds: [...kinds, Events] },
    },
  ),
];

const fine: Readonly<Record<string, readonly [reason: string, message: string]>> = {
  NamespaceDeletionDiscoveryFailure: ['ResourcesDiscovered', 'All resources successfully discovered'],
  NamespaceDeletionGroupVersionParsingFailure: ['ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  NamespaceDeletionContentFailure: [
    'ContentDeleted',
    'All content successfully deleted, may be waiting on finalization',
  ],
  NamespaceContentRemaining: ['ContentRemoved', 'All content successfully removed'],
  NamespaceFinalizersRemaining: ['ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
};

function withConditions(
  { namespace, failure, undiscovered }: NamespaceSnapshot,
  content: NamespaceSnapshot['content'],
  now: number,
): readonly NamespaceCondition[] {
  // Only what was asked to go and is still there counts as remaining.
  const asked = content.flatMap(({ kind, objects }) => {
    const left = objects.filter((one) => one.metadata.deletionTimestamp !== undefined);
    return left.length === 0 ? [] : [{ kind, left }];
  });
  const byFinalizer = new Map<string, number>();
  for (const { left } of asked)
    for (const one of left)
      for (const name of one.metadata.finalizers ?? []) byFinalizer.set(name, (byFinalizer.get(name) ?? 0) + 1);
  const bad: Record<string, readonly [reason: string, message: string]> = {};
  if (undiscovered.length > 0) {
    const failing = undiscovered.map((one) => `${one}: stale GroupVersion discovery: ${one}`).join(', ');
    bad['NamespaceDeletionDiscoveryFailure'] = [
      'DiscoveryFailed',
      `Discovery failed for some groups, ${undiscovered.length} failing: unable to retrieve the complete list of server APIs: ${failing}`,
    ];
  }
  if (failure !== undefined)
    bad['NamespaceDeletionContentFailure'] = [
      'ContentDeletionFailed',
      `Failed to delete all resource types, ${failure.messages.length} remaining: ${failure.messages.toSorted().join(', ')}`,
    ];
  if (asked.length > 0)
    bad['NamespaceContentRemaining'] = [
      'SomeResourcesRemain',
      `Some resources are remaining: ${asked
        .map(({ kind, left }) => `${kind.resource}.${kind.group} has ${left.length} resource instances`)
        .toSorted()
        .join(', ')}`,
    ];
  if (byFinalizer.size > 0)
    bad['NamespaceFinalizersRemaining'] = [
      'SomeFinalizersRemain',
      `Some content in the namespace has finalizers remaining: ${[...byFinalizer]
        .map(([name, count]) => `${name} in ${count} resource instances`)
        .toSorted()
        .join(', ')}`,
    ];
  let conditions = namespace.status?.conditions ?? [];
  for (const type in fine) {
    const [reason, message] = bad[type] ?? fine[type]!;
    conditions = withCondition(conditions, {
      type,
      status: type in bad ? 'True' : 'False',
      lastTransitionTime: formatTime(now),
      reason,
      message,
    });
  }
  return conditions;
}
