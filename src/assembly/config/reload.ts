// Looks at the configuration files again when they change. What may change while it runs is applied; of the rest it is said
// that a restart is needed, and for which keys; a file with a mistake changes nothing, and the mistake is shown.
import { isDeepStrictEqual } from 'node:util';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { checkConfiguration, type CheckedConfiguration } from './check.ts';
import { keysByPath, type RawConfiguration } from './keys.ts';
import type { ChangeableConfiguration } from './live.ts';
import { loadConfiguration, type LoadedConfiguration, type LoadOptions } from './load.ts';

/** What `microshift status` says of the configuration. */
export interface ConfigurationState {
  readonly files: readonly string[];
  /** Why the files as they are now are not used. */
  readonly problem?: string;
  /** Keys whose value in the files is not the one that holds. */
  readonly restartNeeded: readonly { readonly key: string; readonly source: string }[];
}

export class ConfigurationReloader {
  readonly #options: LoadOptions;
  readonly #start: LoadedConfiguration;
  readonly #live: ChangeableConfiguration;
  readonly #logger: Logger;
  readonly #onLoaded: (loaded: LoadedConfiguration) => void;
  #applied: CheckedConfiguration;
  #state: ConfigurationState;
  #looking: Promise<void> = Promise.resolve();

  /** `onLoaded` learns which files there are now. */
  constructor(
    start: LoadedConfiguration,
    options: LoadOptions,
    live: ChangeableConfiguration,
    logger: Logger,
    onLoaded: (loaded: LoadedConfiguration) => void = () => {},
  ) {
    this.#start = start;
    this.#applied = start;
    this.#live = live;
    this.#logger = logger;
    this.#onLoaded = onLoaded;
    this.#state = { files: start.files.files, restartNeeded: [] };
    const networks = start.host.networks?.() ?? [];
    // What was found out about the machine at the start stays: only the files may change the configuration.
    const { nodeIp, nodeName, roles } = start.configuration;
    this.#options = {
      ...options,
      host: {
        ...start.host,
        nodeAddress: () => nodeIp,
        networks: () => networks,
        // From now on it has Pods.
        ...(roles.includes('node') ? { nodeNameBefore: nodeName } : {}),
      },
    };
  }

  get state(): ConfigurationState {
    return this.#state;
  }
  /** One look at a time, in the order asked for. */
  look(): Promise<void> {
    return (this.#looking = this.#looking.then(() => this.#look()));
  }

  async #look(): Promise<void> {
    try {
      const loaded = await loadConfiguration(this.#options);
      this.#onLoaded(loaded);
      this.#apply(loaded);
    } catch (error) {
      const problem =
        error instanceof OperatorError
          ? `${error.message} ${error.remedy}`
          : `The configuration could not be read: ${messageOf(error)}.`;
      if (problem === this.#state.problem) return;
      this.#state = { ...this.#state, problem };
      this.#logger.error('the changed configuration is not used; the one before stays', { problem });
    }
  }
  #apply(loaded: LoadedConfiguration): void {
    const checked = checkConfiguration(liveOf(loaded.raw, this.#start.raw), loaded.host);
    const changed = differing(checked, this.#applied);
    const restartNeeded = differing(loaded, checked)
      .filter((key) => keysByPath.get(key)?.change !== 'live')
      .map((key) => ({ key, source: loaded.values.get(key)?.source ?? 'default' }));
    const before = this.#state;
    this.#state = { files: loaded.files.files, restartNeeded };
    if (changed.length > 0) {
      this.#applied = checked;
      this.#logger.info('the changed configuration is applied', { keys: changed.join(', ') });
      this.#live.replace(checked.configuration);
    }
    if (!isDeepStrictEqual(before.restartNeeded, restartNeeded)) {
      if (restartNeeded.length > 0)
        this.#logger.warn('a restart is needed for changed keys of the configuration', {
          keys: restartNeeded.map((one) => `${one.key} (from ${one.source})`).join(', '),
        });
      else this.#logger.info('no restart is needed any more: the configuration is again that of the start');
    }
    if (before.problem !== undefined) this.#logger.info('the configuration is without mistakes again');
  }
}

/** The keys that may change as they are now, the others as they were. */
function liveOf(now: RawConfiguration, start: RawConfiguration): RawConfiguration {
  const isLive = (path: string): boolean => keysByPath.get(path)?.change === 'live';
  return new Map([...[...start].filter(([path]) => !isLive(path)), ...[...now].filter(([path]) => isLive(path))]);
}

const differing = (a: CheckedConfiguration, b: CheckedConfiguration): string[] =>
  [...a.values].filter(([path, one]) => !isDeepStrictEqual(one.value, b.values.get(path)?.value)).map(([path]) => path);
