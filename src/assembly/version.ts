// Which MicroShift this is. The build replaces the identifiers; run from source they are absent.
declare const MICROSHIFT_BUILD:
  | { readonly version: string; readonly commit: string; readonly treeState: string; readonly date: string }
  | undefined;

export interface ProductVersion {
  readonly version: string;
  readonly commit: string;
  readonly treeState: string;
  readonly buildDate: string;
  /** The Kubernetes release whose API is served. */
  readonly kubernetes: string;
}

const build =
  typeof MICROSHIFT_BUILD === 'undefined'
    ? { version: '0.1.0', commit: '', treeState: 'source', date: '1970-01-01T00:00:00Z' }
    : MICROSHIFT_BUILD;

export const productVersion: ProductVersion = {
  version: build.version,
  commit: build.commit,
  treeState: build.treeState,
  buildDate: build.date,
  kubernetes: '1.36.2',
};

/** The `/version` answer's shape; `goVersion` and `compiler` name what runs instead. */
export const versionInfo = () => {
  const [major = '1', minor = '36'] = productVersion.kubernetes.split('.');
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: `v${productVersion.kubernetes}`,
    gitCommit: productVersion.commit,
    gitTreeState: productVersion.treeState,
    buildDate: productVersion.buildDate,
    goVersion: `node${process.version}`,
    compiler: 'v8',
    platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
};
