// Writes status.typeChecking and observedGeneration of each validating policy after a change. Upstream's controller manager
// does this; here it is beside the kinds that it looks at. The language of expressions is loaded with the first policy.
import { ValidatingAdmissionPolicies } from '#api/generated/kind-references.ts';
import type { ValidatingAdmissionPolicy } from '#api/generated/types.ts';
import { kindTable, storageKey, storagePrefix } from '#api/kinds.ts';
import { applyConfiguration } from '#api/managed-fields/apply-configuration.ts';
import { isConflict, isNotFound, notFoundError } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { RequestContext, Server } from '../../context.ts';
import { groupResource, type ResourceRequest } from '../../registry/resource-request.ts';
import { updateObject } from '../../registry/update-object.ts';
import { requestInfo } from '../../request-info.ts';

const prefix = storagePrefix(ValidatingAdmissionPolicies);
const manager = 'validatingadmissionpolicy-status';
const user = { name: 'system:kube-controller-manager', groups: ['system:masters', 'system:authenticated'] };

const isChecked = ({ metadata, status }: ValidatingAdmissionPolicy): boolean =>
  (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0);

export function startTypeCheckStatus(server: Server): Disposable {
  const { store, clock, logger } = server.options;
  let watch: Disposable | undefined;
  let isClosed = false;
  const queue = new WorkQueue({
    clock,
    observer: server.metrics.queue('validatingadmissionpolicy-status'),
    concurrency: 1,
    work: (name) => check(name),
    onError: (name, error, retryInMs) => {
      if (!isConflict(error) && !isNotFound(error))
        logger.warn('the expressions of an admission policy could not be checked, will retry', {
          name,
          error: messageOf(error),
          retryInMs,
        });
    },
  });
  const start = (): void => {
    const page = store.list(prefix);
    for (const stored of page.items) queue.add(stored.key.slice(prefix.length));
    watch = store.watch(prefix, page.revision, {
      onEvents(events) {
        for (const { type, stored } of events) if (type === 'put') queue.add(stored.key.slice(prefix.length));
      },
      onEnd(reason) {
        if (reason === 'compacted' && !isClosed) start();
      },
    });
  };

  async function check(name: string): Promise<void> {
    const stored = isClosed ? undefined : store.get(storageKey(ValidatingAdmissionPolicies, undefined, name));
    if (stored === undefined) return;
    const policy = stored.object() as ValidatingAdmissionPolicy;
    if (isChecked(policy)) return;
    await (await import('#api/cel/cel.ts')).loadCel();
    const { typeWarnings } = await import('#api/policies/type-checking.ts');
    const expressionWarnings = typeWarnings(policy, server.kinds.rows);
    const row = kindTable.row(ValidatingAdmissionPolicies)!;
    const request: ResourceRequest = { context: contextOf(server), row, subresource: 'status', namespace: '', name };
    const applied = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: row.kind,
      metadata: { name },
      status: {
        observedGeneration: policy.metadata.generation,
        typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings },
      },
    };
    await updateObject(
      request,
      (live) => {
        if (live === undefined) throw notFoundError(groupResource(row), name);
        const now = clock.now();
        return applyConfiguration({ row, live, applied, manager, force: true, subresource: 'status', now });
      },
      { dryRun: false, createWhenAbsent: false, retriesConflicts: true, fieldManager: '' },
    );
  }

  start();
  return {
    [Symbol.dispose]() {
      isClosed = true;
      watch?.[Symbol.dispose]();
      queue.close().catch(() => {});
    },
  };
}

const contextOf = (server: Server): RequestContext => ({
  server,
  row: undefined,
  request: {
    method: 'PATCH',
    path: '/',
    query: new URLSearchParams(),
    headers: {},
    identity: user,
    remoteAddress: '127.0.0.1',
    body: { type: 'none' },
    signal: server.closing,
  },
  info: requestInfo('PATCH', '/', new URLSearchParams()),
  user,
  warnings: [],
});
