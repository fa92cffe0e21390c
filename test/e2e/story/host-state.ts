// What MicroShift may change on a host, read before and after, to show that uninstalling leaves nothing.
import type { Machine } from '#kit/machine/machine.ts';

export interface HostState {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly nftables: string;
  readonly networkSettings: readonly string[];
  readonly cgroups: readonly string[];
  /** Path, type, mode, size and link target of every file that no Debian package owns. */
  readonly files: readonly string[];
}

const lines = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .toSorted();

/** Changed by reading, by Debian's package tools, or by the kernel on its own. */
const fileExceptions =
  /^\/(proc|sys|dev|run|tmp)(\/|$)|^\/root\/(microshift|\.npm|\.cache)(\/|$)|^\/var\/(lib\/(dpkg|apt|systemd|ucf|pam|dbus)|cache|log\/(apt|journal|dpkg\.log|alternatives\.log|lastlog|faillog|btmp|wtmp|fontconfig\.log|private))|^\/etc\/(ld\.so\.cache|passwd-?|group-?|shadow-?|gshadow-?|subuid-?|subgid-?|machine-id|mailcap|hosts|networks|\.updated|\.pwd\.lock)$|^\/etc\/(rc\d\.d|alternatives|systemd\/system\/[^/]+\.wants|ssl)(\/|$)|^\/usr\/lib\/python3|__pycache__|^\/var\/lib\/(haproxy|containerd)$|^\/etc\/(containerd|haproxy|cni)$|^\/opt\/(containerd|cni)?$|^\/usr\/share\/(mime|info)/;
const settingExceptions =
  /\.(nf_conntrack_count|nf_conntrack_max|nf_conntrack_buckets)\b|neigh\.|\.hystart|ipfrag|flush\s|mc_forwarding|tcp_fastopen_key|stable_secret|fib_multipath|conf\.(?!all|default)/;

export async function readHostState(machine: Machine): Promise<HostState> {
  const shell = async (script: string) => machine.shell(script, { timeoutSeconds: 120 });
  const owned = new Set(
    (
      await shell(
        "cat /var/lib/dpkg/info/*.list; awk '/^Conffiles:/{on=1;next} /^[A-Z]/{on=0} on{print $1}' /var/lib/dpkg/status",
      )
    ).split('\n'),
  );
  const files = lines(
    await shell("find / -xdev \\( -path /proc -o -path /sys \\) -prune -o -printf '%p\\t%y\\t%m\\t%s\\t%l\\n'"),
  )
    .filter((line) => {
      const path = line.split('\t')[0]!;
      return (
        !owned.has(path) &&
        !owned.has(path.replace(/^\/usr\/(bin|sbin|lib)/, '/$1')) &&
        !fileExceptions.test(path) &&
        !line.split('\t')[4]?.startsWith('/etc/alternatives/')
      );
    })
    // A directory's size says nothing.
    .map((line) => line.replace(/\td\t(\d+)\t\d+\t/, '\td\t$1\t\t'));
  return {
    processes: lines(await shell('ps -eo comm=')).filter(
      (name) => !/^(ps|sh|sleep|env|nsenter|systemd.*|dbus-daemon|\(sd-pam\)|agetty|bash|find|sort)$/.test(name.trim()),
    ),
    mounts: lines(await shell("awk '{print $2, $3}' /proc/mounts")),
    links: lines(await shell("ip -o link | awk '{print $2}'")),
    addresses: lines(await shell("ip -o address | awk '{print $2, $4}'")).filter((line) => !line.includes('fe80:')),
    routes: lines(await shell('ip route show table all; ip -6 route show table all; ip rule')).filter(
      (line) => !line.includes('fe80:'),
    ),
    nftables: await shell('if command -v nft >/dev/null; then nft list ruleset; fi'),
    networkSettings: lines(
      await shell('sysctl -a 2>/dev/null | grep -E "^(net|fs.inotify|kernel.panic|kernel.keys|vm.overcommit)" || true'),
    ).filter((line) => !settingExceptions.test(line)),
    cgroups: lines(
      await shell('find /sys/fs/cgroup -mindepth 2 -type d | grep -E "kubepods|microshift|containerd|cri-" || true'),
    ),
    files,
  };
}
