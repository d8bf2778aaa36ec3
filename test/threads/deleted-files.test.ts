import { describe, expect, it } from 'vitest';
import { StatusPage } from '../../src/ring/status-page.ts';
import { DeletedFiles } from '../../src/threads/deleted-files.ts';

describe('files that are deleted', () => {
  it('are closed within a second, those of the log by its start, those of queues when any went', () => {
    const page = new StatusPage(StatusPage.allocate());
    const ends = { logStart: page.watermark('logStart'), queueFilesDeleted: page.watermark('queueFilesDeleted') };
    const closed: (number | string)[] = [];
    ends.logStart.advance(1000);
    const files = new DeletedFiles(
      ends,
      { dropBelow: (logStart) => closed.push(logStart) },
      { close: () => closed.push('queues') },
    );
    files.look(1);
    expect(closed).toEqual([]);
    ends.logStart.advance(3000);
    files.look(1_000_000);
    expect(closed).toEqual([]);
    files.look(1_000_001);
    expect(closed).toEqual([3000]);
    ends.queueFilesDeleted.advance(1);
    files.look(3_000_000);
    files.look(5_000_000);
    expect(closed).toEqual([3000, 'queues']);
  });
});
