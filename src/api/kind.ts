// What the project says of a kind: its reference (for clients), its row (names, verbs, schema: from the fact tables)
// and its behaviour (what no table says: preparation, validation, table cells; one file a kind below kinds/).
import type { FeatureGates } from './feature-gates.ts';
import type { ObjectMeta, WebhookClientConfig } from './generated/types.ts';
import type { FieldError } from './field-error.ts';
import type { MapShape } from './managed-fields/shape.ts';
import type { DecodeOptions } from './schema/decode-options.ts';

/** The part that every API object has. */
export interface KubernetesObject {
  readonly apiVersion?: string | undefined;
  readonly kind?: string | undefined;
  readonly metadata: ObjectMeta;
}

/** Names one served version of a resource; the type parameter is the shape of its objects. */
export interface KindReference<T extends KubernetesObject = KubernetesObject> {
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: the path segment. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Carries T; never present at run time. */
  readonly object?: T;
}

export type Mutable<T> = T extends readonly (infer E)[]
  ? Mutable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/** [name, type, format, priority], as in meta.k8s.io/v1 TableColumnDefinition. */
export type ColumnRow = readonly [name: string, type: string, format: string, priority: number];

export interface SubresourceRow {
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly verbs: readonly string[];
  readonly columns?: readonly ColumnRow[] | undefined;
}

/** One served version of one resource. Built from facts by kinds.ts. */
export interface KindRow extends KindReference {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  readonly subresources: Readonly<Record<string, SubresourceRow>>;
  /** Name in the type table, such as `io.k8s.api.core.v1.Pod`. */
  readonly typeName: string;
  /** The version in which it is stored; absent for review kinds, which are answered and never stored. */
  readonly storage?: { readonly group: string; readonly version: string; readonly kind: string } | undefined;
  readonly storageVersionHash: string;
  readonly fieldSelectors: readonly string[];
  readonly columns: readonly ColumnRow[];
  readonly servedByDefault: boolean;
  readonly strategy: StrategyRow;
  /** The Warning for whoever asks for this version, whatever for. */
  readonly deprecation?: string | undefined;
  /** Of rows that no table has: what a custom resource definition says. */
  readonly custom?: CustomKind | undefined;
}

/** A version of a custom resource: its schema at work, where built-in kinds have their types and tables. */
export interface CustomKind {
  readonly behaviour: KindBehaviour;
  readonly listKind: string;
  /** Warnings for whoever asks for this version. */
  readonly warnings: readonly string[];
  /** Instances are being removed: none may be created. */
  readonly terminating: boolean;
  readonly columnDescriptions: readonly string[];
  readonly scale:
    | {
        readonly specReplicasPath: string;
        readonly statusReplicasPath: string;
        readonly labelSelectorPath?: string | undefined;
      }
    | undefined;
  /** How its fields are owned. */
  readonly shape: MapShape;
  /** A new object from raw JSON, pruned. Throws ApiError 400. */
  decode(
    raw: Readonly<Record<string, unknown>>,
    options: DecodeOptions,
  ): { object: Mutable<KubernetesObject>; warnings: string[] };
  applyDefaults(object: Mutable<KubernetesObject>): void;
  /** Present: a webhook converts between versions, and fromStored takes objects of this version only. */
  readonly conversion?:
    | {
        readonly config: WebhookClientConfig;
        readonly reviewVersions: readonly string[];
        /** The apiVersion that is stored. */
        readonly storageVersion: string;
      }
    | undefined;
  /** A stored object as this version shows it; the same object where that makes no difference. */
  fromStored(object: KubernetesObject): KubernetesObject;
  toStored(object: KubernetesObject): KubernetesObject;
  cells(object: KubernetesObject, now: number): unknown[];
  /** For clients: the object, or its list, as a JSON schema with references into the document. */
  openApi(dialect: 'v2' | 'v3', metaReference: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
}

/** Upstream's registry strategy, as far as a table says it. */
export interface StrategyRow {
  /** metadata.generation is kept: 1 on create, raised when one of these top-level parts (or metadata.annotations, metadata.labels) changes. */
  readonly generationBumpOn: readonly string[];
  readonly hasGeneration: boolean;
  /** status is cleared on create and kept on update of the main resource. */
  readonly resetsStatus: boolean;
  /** Of those that keep status on update: what the creator says of status counts (Nodes register with theirs). */
  readonly keepsStatusOnCreate: boolean;
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  /** What garbage collection does with dependents when the delete options do not say. */
  readonly defaultPropagation: 'Orphan' | 'Background';
  /** Subresource ('' for the main one) -> field paths whose ownership is dropped in managedFields. */
  readonly resetFields: Readonly<Record<string, readonly string[]>>;
}

/** What preparation may ask for: nothing of it is global. */
export interface PreparationContext {
  readonly now: number;
  readonly subresource: string;
  readonly userName: string;
  /** A new one at each call. */
  uuid(): string;
  /** A Warning header for whoever writes; where preparation changes what warnings() would look at. */
  warn?(text: string): void;
}

export interface ValidationContext {
  readonly gates: FeatureGates;
  readonly now: number;
}

/** A kind's hand-written rules. Every member is optional: the row and the schema say the rest. */
export interface KindBehaviour<T extends KubernetesObject = KubernetesObject> {
  /** After defaulting and the plugins that change the object, before validation; `object` is this request's own copy. */
  prepareForCreate?(object: Mutable<T>, context: PreparationContext): void;
  /** Also for subresources: `context.subresource` says which. Status and generation rules of the row run before it. */
  prepareForUpdate?(object: Mutable<T>, previous: T, context: PreparationContext): void;
  /**
   * After admission. Paths start at the object: `spec.containers[0].name`. ObjectMeta is validated by the caller. Without a
   * context: as by default.
   */
  validate?(object: T, context?: ValidationContext): FieldError[];
  validateUpdate?(object: T, previous: T, subresource: string, context?: ValidationContext): FieldError[];
  /**
   * How upstream's rules for an update look at metadata once more, after the server did: as an update (the default), as a
   * whole, both or not at all. What is wrong has as many causes.
   */
  readonly metadataInUpdate?: readonly ('whole' | 'update')[] | undefined;
  /** Upstream's Warning headers on create and update. */
  warnings?(object: T, previous: T | undefined): string[];
  /** Values of the row's fieldSelectors beyond metadata.name and metadata.namespace. */
  selectableFields?(object: T): Readonly<Record<string, string>>;
  /** How metadata.name is checked; default: DNS-1123 subdomain. */
  validateName?(name: string, prefix: boolean): string[];
  /** Loads what the rules need and most clusters never do; before their first use, and once. */
  load?(object: T): Promise<void>;
  /** Finalizers may be names without a domain, as upstream allows outside of its core. */
  readonly anyFinalizer?: boolean | undefined;
  /** Put on when its deletion begins: somebody cleans up first. */
  readonly deletionFinalizer?: string | undefined;
  /** The object is marked as being deleted; `now` in milliseconds. */
  onDeletionBegins?(object: Mutable<T>, now: number): void;
  /** When the object may be removed at once; default: no finalizers and grace period zero. Pods use it for graceful deletion. */
  gracefulDeletion?(
    object: T,
    options: { gracePeriodSeconds?: number | undefined },
    now: number,
  ): { gracePeriodSeconds: number } | undefined;
}
