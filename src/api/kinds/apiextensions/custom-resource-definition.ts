// apiextensions.k8s.io CustomResourceDefinition: what is stored of one. The rules of schemas are loaded with the first
// definition (custom/definition-rules.ts).
import type { CustomResourceDefinition, CustomResourceDefinitionStatus } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { formatTime } from '../../meta/time.ts';
import { canonicalize } from '../../schema/canonical.ts';
import { typeFacts } from '../../schema/type-table.ts';

const statusType = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus';

type Rules = typeof import('../../custom/definition-rules.ts');
let rules: Rules | undefined;

function addStoredVersion(object: Mutable<CustomResourceDefinition>): void {
  const storage = object.spec.versions?.find((one) => one.storage)?.name;
  const stored = object.status?.storedVersions ?? [];
  if (storage === undefined || stored.includes(storage)) return;
  object.status = { ...object.status, storedVersions: [...stored, storage] };
}

/** As Go writes it before the server's own controllers have looked at the definition. */
const emptyStatus = () => canonicalize(typeFacts(statusType), {}) as Mutable<CustomResourceDefinitionStatus>;

export const customResourceDefinition: KindBehaviour<CustomResourceDefinition> = {
  anyFinalizer: true,
  deletionFinalizer: 'customresourcecleanup.apiextensions.k8s.io',
  async load(object) {
    rules ??= await import('../../custom/definition-rules.ts');
    await rules.loadFor(object);
  },
  prepareForCreate(object) {
    object.status = emptyStatus();
    addStoredVersion(object);
  },
  prepareForUpdate(object, _previous, { subresource }) {
    if (subresource === '') addStoredVersion(object);
  },
  onDeletionBegins(object, now) {
    const others = (object.status?.conditions ?? []).filter((one) => one.type !== 'Terminating');
    const conditions = [
      ...others,
      {
        type: 'Terminating',
        status: 'True',
        lastTransitionTime: formatTime(now),
        reason: 'InstanceDeletionPending',
        message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
      },
    ];
    object.status = { ...object.status, conditions };
  },
  validate: (object) => rules!.validateDefinition(object),
  validateUpdate: (object, previous, subresource) => rules!.validateDefinitionUpdate(object, previous, subresource),
  warnings: (object, previous) => rules!.definitionWarnings(object, previous),
};
