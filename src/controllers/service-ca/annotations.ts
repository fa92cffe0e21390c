// The names by which users ask for service certificates, and under which service-ca notes what it did: upstream's, in both
// of its spellings. The beta one is asked first.
import type { KubernetesObject } from '#api/kind.ts';

export const signerNamespace = 'openshift-service-ca';
export const signingSecretName = 'signing-key';
export const bundleConfigMapName = 'signing-cabundle';
export const bundleKey = 'ca-bundle.crt';
export const intermediateKey = 'intermediate-ca.crt';
/** In ConfigMaps that ask for the bundle. */
export const injectedKey = 'service-ca.crt';

const spellings = ['service.beta.openshift.io/', 'service.alpha.openshift.io/'] as const;
const pair = (name: string): readonly string[] => spellings.map((prefix) => prefix + name);

export const secretNameAnnotations = pair('serving-cert-secret-name');
export const signedByAnnotations = pair('serving-cert-signed-by');
export const errorAnnotations = pair('serving-cert-generation-error');
export const errorCountAnnotations = pair('serving-cert-generation-error-num');
export const serviceUidAnnotations = pair('originating-service-uid');
export const serviceNameAnnotations = pair('originating-service-name');
export const expiryAnnotations = pair('expiry');
export const injectAnnotations = pair('inject-cabundle');

/** Set by an administrator on the signing Secret: a text that is not the one below makes a new authority, once. */
export const forceRotationAnnotation = 'microshift.io/force-rotation-reason';
/** Upstream's record of the last such text. */
export const forcedRotationAnnotation = 'service-ca.operators.openshift.io/forced-rotation-reason';

export const componentAnnotation = 'openshift.io/owning-component';
export const descriptionAnnotation = 'openshift.io/description';
export const component = 'service-ca';

/** The first of these annotations that has a value. */
export const annotationOf = ({ metadata }: KubernetesObject, names: readonly string[]): string | undefined =>
  names.map((name) => metadata.annotations?.[name]).find((value) => value !== undefined && value !== '');

export const annotated = (names: readonly string[], value: string): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, value]));

export const asksForBundle = ({ metadata }: KubernetesObject, names: readonly string[]): boolean =>
  names.some((name) => metadata.annotations?.[name]?.toLowerCase() === 'true');
