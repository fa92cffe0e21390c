// THE order of admission plugins, for both halves (changing, then judging). Upstream's order, quota last.
import type { AdmissionPlugin } from '../context.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';

export const admissionOrder: readonly AdmissionPlugin[] = [namespaceLifecycle];
