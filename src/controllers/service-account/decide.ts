// Every namespace has the service account `default`.
import { ServiceAccounts } from '#api/generated/kind-references.ts';
import type { Namespace, ServiceAccount } from '#api/generated/types.ts';
import { create, nothing, type Decision } from '../runtime/action.ts';

export interface ServiceAccountSnapshot {
  readonly namespace: Namespace;
  readonly account: ServiceAccount | undefined;
}

export const accountName = 'default';

export function decide({ namespace, account }: ServiceAccountSnapshot): Decision {
  if (account !== undefined || namespace.metadata.deletionTimestamp !== undefined) return nothing;
  return {
    actions: [
      create(
        ServiceAccounts,
        {
          kind: 'ServiceAccount',
          apiVersion: 'v1',
          metadata: { name: accountName, namespace: namespace.metadata.name },
        },
        { accept: ['AlreadyExists'] },
      ),
    ],
  };
}
