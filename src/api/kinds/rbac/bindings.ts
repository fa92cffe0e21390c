// RoleBinding and ClusterRoleBinding: the role that is bound never changes.
import type { ClusterRoleBinding, RoleBinding } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { nameIsPathSegment } from '../../meta/names.ts';
import { bindingErrors, roleRefUpdateErrors } from '../../validation/rbac.ts';

export const roleBinding: KindBehaviour<RoleBinding> = {
  metadataInUpdate: ['whole', 'update'],
  validateName: nameIsPathSegment,
  validate: ({ roleRef, subjects }) => bindingErrors(roleRef, subjects, true),
  validateUpdate: (object, previous) => [
    ...bindingErrors(object.roleRef, object.subjects, true),
    ...roleRefUpdateErrors(object.roleRef, previous.roleRef),
  ],
};

export const clusterRoleBinding: KindBehaviour<ClusterRoleBinding> = {
  metadataInUpdate: ['whole', 'update'],
  validateName: nameIsPathSegment,
  validate: ({ roleRef, subjects }) => bindingErrors(roleRef, subjects, false),
  validateUpdate: (object, previous) => [
    ...bindingErrors(object.roleRef, object.subjects, false),
    ...roleRefUpdateErrors(object.roleRef, previous.roleRef),
  ],
};
