// Project: by what it is selected. It is stored as a Namespace; its own rules are with the view (apiserver/projects).
import type { Project } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';

export const project: KindBehaviour<Project> = {
  selectableFields: ({ status }) => ({ 'status.phase': status?.phase ?? '' }),
};
