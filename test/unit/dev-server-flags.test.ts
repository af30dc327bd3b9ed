/** Pure unit tests: what the embedded server is started with. */
import { describe, expect, it } from 'vitest';
import { serverEnv, serverFlags } from '../../src/dev-server/flags.ts';
import { canGoBuild, isRecentEnough } from '../../src/dev-server/binary-on-disk.ts';

const place = { databasePath: '/d/temporal.db', port: 7233, uiPort: 8233 };

describe('the embedded server', () => {
  it('keeps its database in a file with a full sync, because an answer means that it is on disk', () => {
    const flags = serverFlags(place).join(' ');
    expect(flags).toContain('--db-filename /d/temporal.db');
    expect(flags).toContain('--sqlite-pragma journal_mode=WAL --sqlite-pragma synchronous=FULL');
  });

  it('listens on loopback alone, because it asks nobody who they are', () => {
    expect(serverFlags(place).join(' ')).toContain('--ip 127.0.0.1 --port 7233 --ui-port 8233');
  });

  it.each(['system.enableActivityEagerExecution=true', 'history.transferProcessorMaxPollRPS=5000'])(
    'is told %s, because its defaults cost milliseconds in each request',
    (value) => expect(serverFlags(place)).toContain(value),
  );

  it.each(['matching.enableFairness=true', 'matching.enableMigration=true'])(
    'is told %s, because projects take turns and no older backlog is left behind',
    (value) => expect(serverFlags(place)).toContain(value),
  );

  it('writes tasks to one partition, because no order holds between several, and reads from all', () => {
    const flags = serverFlags(place).join(' ');
    expect(flags).toContain('matching.numTaskqueueWritePartitions=1');
    expect(flags).not.toContain('numTaskqueueReadPartitions');
  });

  it('has a codec endpoint only where one is given, because its UI would call it', () => {
    expect(serverFlags(place)).not.toContain('--ui-codec-endpoint');
    expect(serverFlags({ ...place, codecEndpoint: 'http://c' }).join(' ')).toContain(
      '--ui-codec-endpoint http://c',
    );
  });

  it('collects its garbage less often, because this machine has the memory', () => {
    expect(serverEnv({ PATH: '/bin' })).toEqual({ PATH: '/bin', GOGC: '400' });
  });
});

it.each([
  ['temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)', true],
  ['temporal version 0.0.0-DEV (Server 1.31.2, UI 2.50.1)', true],
  ['temporal version 1.3.0 (Server 1.27.1, UI 2.36.0)', false],
  ['temporal version 2.0.0 (Server 2.0.0, UI 3.0.0)', true],
  ['tctl version 1.18', false],
])('judges "%s" by its server, because a CLI built from Go has no version of its own', (text, enough) => {
  expect(isRecentEnough(text)).toBe(enough);
});

it('leaves a Go that cannot fetch a newer toolchain alone, because its build would fail late', () => {
  expect(canGoBuild('go version go1.20.14 linux/amd64')).toBe(false);
  expect(canGoBuild('go version go1.26.8 linux/amd64')).toBe(true);
});
