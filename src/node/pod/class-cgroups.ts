// The cgroups above the Pods': of all Pods together, and of the classes of service.
import { messageOf } from '#base/errors.ts';
import type { Pod } from '#api/generated/types.ts';
import { classCgroup } from './cgroup-names.ts';
import { bestEffortCgroupResources, burstableCgroupResources, cpuShares } from './cgroups.ts';
import type { PodsOptions } from './options.ts';

type ClassCgroupsOptions = Pick<PodsOptions, 'machine' | 'settings' | 'allocatable' | 'logger'>;

export class ClassCgroups {
  readonly #options: ClassCgroupsOptions;
  readonly #admitted: () => readonly Pod[];
  #burstableShares: number | undefined;

  constructor(options: ClassCgroupsOptions, admitted: () => readonly Pod[]) {
    this.#options = options;
    this.#admitted = admitted;
  }

  async limit(): Promise<void> {
    const { machine, settings, allocatable, logger } = this.#options;
    const { cpu = 0 } = allocatable();
    try {
      await machine.limitCgroup(classCgroup('', settings), {
        cpuShares: cpuShares(cpu * 1000),
        memoryLimitBytes: settings.podsMemoryBytes,
      });
      await machine.limitCgroup(classCgroup('besteffort', settings), bestEffortCgroupResources);
      await this.weigh();
    } catch (error) {
      logger.warn('the cgroups of all Pods could not be limited', { error: messageOf(error) });
    }
  }

  /** What Pods of a class weigh together; written when it changed. */
  async weigh(): Promise<void> {
    const { machine, settings } = this.#options;
    const burstable = burstableCgroupResources(this.#admitted());
    if (burstable.cpuShares === this.#burstableShares) return;
    this.#burstableShares = burstable.cpuShares;
    await machine.limitCgroup(classCgroup('burstable', settings), burstable);
  }
}
