import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Logger } from '#base/log.ts';
import type { Files } from '#host/files.ts';
import { ChangeableConfiguration } from './live.ts';
import { loadConfiguration, type LoadOptions } from './load.ts';
import { ConfigurationReloader } from './reload.ts';

const file = '/etc/microshift/config.yaml';

async function start(text: string) {
  const texts = new Map([[file, text]]);
  const files: Pick<Files, 'readText' | 'list' | 'exists'> = {
    readText: (one) => Promise.resolve(texts.get(one)),
    list: (directory) =>
      Promise.resolve(
        [...texts.keys()]
          .filter((one) => one.startsWith(`${directory}/`))
          .map((one) => one.slice(directory.length + 1)),
      ),
    exists: () => Promise.resolve(false),
  };
  let address = '192.168.1.10';
  const options: LoadOptions = {
    flags: {},
    environment: {},
    identity: { hostname: 'edge', homeDirectory: '/root', isRoot: true, processId: 1 },
    // The parts of it that loading uses.
    files: files as Files,
    nodeAddress: () => address,
  };
  const loaded = await loadConfiguration(options);
  const errors: unknown[] = [];
  const live = new ChangeableConfiguration(loaded.configuration, (error) => errors.push(error));
  const log: string[] = [];
  const write = (level: string) => (message: string, fields?: object) =>
    void log.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    named: () => logger,
  };
  const reloader = new ConfigurationReloader(loaded, options, live, logger);
  const levels: number[] = [];
  live.onChange(
    (one) => one.logVerbosity,
    (level) => levels.push(level),
  );
  return {
    live,
    log,
    levels,
    reloader,
    moveTo: (now: string) => (address = now),
    write: async (now: string, name = file): Promise<void> => {
      texts.set(name, now);
      log.length = 0;
      await reloader.look();
    },
  };
}

test('a key that may change while it runs is applied, a new drop-in included', async () => {
  const { live, levels, log, reloader, write } = await start('logVLevel: 0\n');
  await write('logVLevel: 4\n', '/etc/microshift/config.d/10.yaml');
  assert.deepEqual([live.current.logVerbosity, levels], [4, [4]]);
  assert.deepEqual(reloader.state, { files: [file, '/etc/microshift/config.d/10.yaml'], restartNeeded: [] });
  assert.deepEqual(log, ['info the changed configuration is applied {"keys":"logVLevel"}']);
  await write('logVLevel: 4\n', '/etc/microshift/config.d/10.yaml');
  assert.deepEqual([levels, log], [[4], []]);
});

test('a key that needs a restart keeps its value, and is named until it is as it was', async () => {
  const { live, log, reloader, write } = await start('logFormat: text\n');
  await write('logFormat: json\nlogVLevel: 2\n');
  assert.deepEqual([live.current.logFormat, live.current.logVerbosity], ['text', 2]);
  assert.deepEqual(reloader.state.restartNeeded, [{ key: 'logFormat', source: `${file}:1:1` }]);
  assert.match(log.join('\n'), /warn a restart is needed .*"logFormat \(from \/etc\/microshift\/config\.yaml:1:1\)"/);
  await write('logFormat: text\nlogVLevel: 2\n');
  assert.deepEqual(reloader.state.restartNeeded, []);
  assert.match(log.join('\n'), /no restart is needed any more/);
});

test('a file with a mistake changes nothing, is shown, and is forgotten when it is corrected', async () => {
  const { live, log, reloader, write } = await start('nodeName: a\nlogVLevel: 1\n');
  await write('logFormat: json\nlogVLevel: high\nx: 1\n');
  assert.equal(live.current.logVerbosity, 1);
  assert.match(reloader.state.problem ?? '', /2 mistakes[\s\S]*logVLevel \(from .*:2:1\)[\s\S]*x \(from .*:3:1\)/);
  assert.match(log[0] ?? '', /^error the changed configuration is not used; the one before stays/);
  await write('nodeName: [\n');
  assert.match(reloader.state.problem ?? '', /not valid YAML/);
  await write('nodeName: a\nlogVLevel: 3\n');
  assert.deepEqual([reloader.state.problem, live.current.logVerbosity], [undefined, 3]);
});

test('another name of the node is a mistake, not something for a restart', async () => {
  const { reloader, write } = await start('nodeName: a\n');
  await write('nodeName: b\n');
  assert.match(
    reloader.state.problem ?? '',
    /nodeName \(from .*:1:1\) differs from a, the name of this machine's node/,
  );
});

test('what the machine is like now does not change the configuration of the start', async () => {
  const { live, reloader, write, moveTo } = await start('');
  moveTo('10.42.0.7');
  await write('logVLevel: 1\n');
  assert.deepEqual([live.current.nodeIp, live.current.logVerbosity], ['192.168.1.10', 1]);
  assert.deepEqual(reloader.state, { files: [file], restartNeeded: [] });
});
