// Which standard holds in a namespace: labels `pod-security.kubernetes.io/{enforce,audit,warn}[-version]` over the defaults
// of the cluster. Pure.
import { ownValue } from '#base/own-value.ts';
import { invalid, type FieldError } from '#api/field-error.ts';

export const podSecurityLevels = ['privileged', 'baseline', 'restricted'] as const;
export type PodSecurityLevel = (typeof podSecurityLevels)[number];
/** A minor version of the standards (1.x). */
export type PodSecurityVersion = number | 'latest';

export interface Standard {
  readonly level: PodSecurityLevel;
  readonly version: PodSecurityVersion;
}
export type PodSecurityMode = 'enforce' | 'audit' | 'warn';
export type PodSecurityPolicy = Readonly<Record<PodSecurityMode, Standard>>;

export interface PodSecurityOptions {
  /** Of namespaces whose labels do not say. */
  readonly defaults: PodSecurityPolicy;
  readonly exemptUsers: readonly string[];
  readonly exemptNamespaces: readonly string[];
  readonly exemptRuntimeClasses: readonly string[];
}

/** Upstream's: namespaces ask for a standard. */
const privileged = { level: 'privileged', version: 'latest' } as const;
export const openPodSecurity: PodSecurityOptions = {
  defaults: { enforce: privileged, audit: privileged, warn: privileged },
  exemptUsers: [],
  exemptNamespaces: [],
  exemptRuntimeClasses: [],
};

export const labelPrefix = 'pod-security.kubernetes.io/';

export const standardText = ({ level, version }: Standard): string =>
  `${level}:${version === 'latest' ? version : `v1.${version}`}`;
export const sameStandard = (one: Standard, other: Standard): boolean =>
  one.level === other.level && one.version === other.version;
export const strictness = (level: PodSecurityLevel): number => podSecurityLevels.indexOf(level);
export const isPrivileged = (policy: PodSecurityPolicy): boolean =>
  policy.enforce.level === 'privileged' && policy.audit.level === 'privileged' && policy.warn.level === 'privileged';

const isEquivalent = (one: Standard, other: Standard): boolean =>
  (one.level === 'privileged' && other.level === 'privileged') || sameStandard(one, other);
export const samePolicy = (one: PodSecurityPolicy, other: PodSecurityPolicy): boolean =>
  isEquivalent(one.enforce, other.enforce) &&
  isEquivalent(one.audit, other.audit) &&
  isEquivalent(one.warn, other.warn);

const versionPattern = /^v1\.([0-9]|[1-9][0-9]*)$/u;
const isLevel = (text: string): text is PodSecurityLevel => (podSecurityLevels as readonly string[]).includes(text);

interface Reading {
  readonly standard: Standard;
  readonly hasLevel: boolean;
  readonly hasValidLevel: boolean;
  readonly hasVersion: boolean;
}

function readMode(
  labels: Readonly<Record<string, string>>,
  mode: PodSecurityMode,
  fallback: Standard,
  errors: FieldError[],
): Reading {
  let { level, version } = fallback;
  const refuse = (label: string, value: string, detail: string): void =>
    void errors.push(invalid(`metadata.labels[${label}]`, value, detail));
  const levelText = ownValue(labels, labelPrefix + mode);
  if (levelText !== undefined) {
    if (isLevel(levelText)) level = levelText;
    else {
      // What cannot be read is enforced as the strictest, and neither recorded nor warned of.
      level = mode === 'enforce' ? 'restricted' : 'privileged';
      refuse(labelPrefix + mode, levelText, `must be one of ${podSecurityLevels.join(', ')}`);
    }
  }
  const versionLabel = `${labelPrefix}${mode}-version`;
  const versionText = ownValue(labels, versionLabel);
  if (versionText !== undefined) {
    const minor = versionPattern.exec(versionText)?.[1];
    const number = Number(minor);
    version = minor === undefined || !Number.isSafeInteger(number) ? 'latest' : number;
    if (version === 'latest' && versionText !== 'latest')
      refuse(versionLabel, versionText, 'must be "latest" or "v1.x"');
  }
  return {
    standard: { level, version },
    hasLevel: levelText !== undefined,
    hasValidLevel: levelText !== undefined && isLevel(levelText),
    hasVersion: versionText !== undefined,
  };
}

/** A policy comes out in any case; with errors, it is the careful reading of the labels. */
export function podSecurityPolicyOf(
  labels: Readonly<Record<string, string>> | undefined,
  defaults: PodSecurityPolicy,
): { readonly policy: PodSecurityPolicy; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  if (labels === undefined) return { policy: defaults, errors };
  const enforce = readMode(labels, 'enforce', defaults.enforce, errors);
  const audit = readMode(labels, 'audit', defaults.audit, errors);
  const warn = readMode(labels, 'warn', defaults.warn, errors);
  let warned = warn.standard;
  // Who enforces more than is warned of means to be warned of it as well.
  if (!warn.hasLevel && enforce.hasValidLevel && strictness(enforce.standard.level) > strictness(warned.level))
    warned = {
      level: enforce.standard.level,
      version: warn.hasVersion ? warned.version : enforce.standard.version,
    };
  return { policy: { enforce: enforce.standard, audit: audit.standard, warn: warned }, errors };
}
