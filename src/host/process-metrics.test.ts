// What /metrics tells of the process: names that every dashboard knows, with numbers of this very process.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { fileBytes } from './file-size.ts';
import { processFamilies } from './process-metrics.ts';

test(
  'the process tells of its processor time, memory, files, network and start',
  { skip: process.platform !== 'linux' },
  () => {
    const text = processFamilies()
      .map((one) => one.text())
      .join('');
    const valueOf = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    assert.ok(valueOf('process_cpu_seconds_total') > 0.01);
    const resident = valueOf('process_resident_memory_bytes');
    assert.ok(Math.abs(resident - process.memoryUsage().rss) < 50e6, String(resident));
    assert.ok(valueOf('process_virtual_memory_bytes') > resident);
    assert.ok(valueOf('process_open_fds') >= 3 && valueOf('process_open_fds') <= valueOf('process_max_fds'));
    assert.ok(valueOf('process_network_receive_bytes_total') >= 0);
    const ageSeconds = Date.now() / 1000 - valueOf('process_start_time_seconds');
    assert.ok(Math.abs(ageSeconds - process.uptime()) < 3, String(ageSeconds));
    assert.match(text, /^nodejs_heap_size_used_bytes \d+$/m);
    assert.equal(valueOf('nodejs_heap_size_limit_bytes'), getHeapStatistics().heap_size_limit);
    assert.doesNotMatch(text, /NaN|undefined/);
  },
);

test('the size of a file, and of one that is not there', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'size-'));
  writeFileSync(path.join(directory, 'one'), 'four');
  assert.deepEqual([fileBytes(path.join(directory, 'one')), fileBytes(path.join(directory, 'none'))], [4, 0]);
  rmSync(directory, { recursive: true });
});
