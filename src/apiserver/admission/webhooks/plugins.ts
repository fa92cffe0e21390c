// The two plugins that call webhooks. Without a configuration they cost nothing; what calls is loaded with the first one.
import type { Store } from '#storage/store.ts';
import type { AdmissionPlugin } from '../../context.ts';
import { isExempt } from '../dynamic/exempt.ts';
import { mutatingConfigurations, validatingConfigurations } from './configurations.ts';

export function mutatingWebhooks(store: Store): AdmissionPlugin {
  const source = mutatingConfigurations(store);
  return {
    name: 'MutatingAdmissionWebhook',
    isDynamic: true,
    mutate(attributes, server) {
      const { items } = source;
      if (items.length === 0 || isExempt(attributes)) return undefined;
      return import('./mutating.ts').then(({ callMutating }) => callMutating(items, attributes, server));
    },
    close: () => source[Symbol.dispose](),
  };
}

export function validatingWebhooks(store: Store): AdmissionPlugin {
  const source = validatingConfigurations(store);
  return {
    name: 'ValidatingAdmissionWebhook',
    isDynamic: true,
    validate(attributes, server) {
      const { items } = source;
      if (items.length === 0 || isExempt(attributes)) return undefined;
      return import('./validating.ts').then(({ callValidating }) => callValidating(items, attributes, server));
    },
    close: () => source[Symbol.dispose](),
  };
}
