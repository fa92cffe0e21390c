import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { closeWhenIdle } from './idle-connection.ts';

class Connection extends EventEmitter {
  bytesRead = 0;
  bytesWritten = 0;
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

test('a connection ends when nothing went for the time, not before, and never later than a quarter more', () => {
  const clock = new VirtualClock(0);
  const connection = new Connection();
  closeWhenIdle(connection, 4_000, clock);
  for (let second = 0; second < 20; second++) {
    connection[second % 2 === 0 ? 'bytesRead' : 'bytesWritten'] += 1;
    clock.advance(1_500);
  }
  assert.equal(connection.destroyed, false);
  clock.advance(2_400);
  assert.equal(connection.destroyed, false);
  clock.advance(2_600);
  assert.equal(connection.destroyed, true);
  assert.equal(clock.nextTimerAt(), undefined);
});

test('zero means never; a connection that closes leaves no timer', () => {
  const clock = new VirtualClock(0);
  closeWhenIdle(new Connection(), 0, clock);
  assert.equal(clock.nextTimerAt(), undefined);
  const connection = new Connection();
  closeWhenIdle(connection, 1_000, clock);
  connection.destroy();
  assert.equal(clock.nextTimerAt(), undefined);
});
