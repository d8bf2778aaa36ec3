/** `ringmq inspect` of the files that Apache's broker has left, beside what Apache's broker says of them. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Inspection, Shown } from '../../src/cli/inspect/inspection.ts';
import { inspectionJson, inspectionText } from '../../src/cli/inspect/inspection.ts';
import { inspect } from '../../src/cli/inspect.ts';
import { jsonLine } from '../../src/cli/tool-output.ts';
import { ConfigurationError } from '../../src/config/configuration-error.ts';
import { FILLER_ENTRY_SIZE, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { goldenBytes } from '../support/golden.ts';
import { damagedStore, goldenStore, goldenStoreIndex, goldenVariants } from '../support/golden-store.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { realStore } from '../support/real-store.ts';
import { readTar } from '../support/tar.ts';
import { resultOf, ringmq } from './ringmq.ts';

const disk = goldenStore('clean');
const index = goldenStoreIndex('clean.index.json');
const ALL = 1_000_000;

const look = (path: string, what?: string, on: MemoryDisk = disk): Inspection => inspect(on, path, what, ALL);
const factOf = ({ facts }: Inspection, name: string): Shown => facts[name] ?? null;

describe('inspect', () => {
  it('shows records of the log as Apache reads them, by their offset and by their message id', () => {
    for (const [i, message] of index.messages.entries()) {
      if (i % 4 !== 0) continue;
      const byOffset = look('/store', String(message.physicalOffset));
      expect(byOffset.notes).toEqual([]);
      expect(factOf(byOffset, 'topic')).toBe(message.topic);
      expect(factOf(byOffset, 'queue')).toBe(message.queueId);
      expect(factOf(byOffset, 'queue offset')).toBe(message.queueOffset);
      expect(factOf(byOffset, 'size')).toBe(message.size);
      if (i % 20 !== 0) continue;
      expect(look('/store', String(factOf(byOffset, 'offset message id'))).facts).toEqual(byOffset.facts);
    }
  });

  it('finds a record by topic, queue and offset', () => {
    for (const { topic, queueId, entries } of index.queues.filter(({ type }) => type === 'SimpleCQ')) {
      for (const [queueOffset, logOffset] of entries.slice(0, 3)) {
        expect(factOf(look('/store', `${topic}/${queueId}/${queueOffset}`), 'log offset')).toBe(logOffset);
      }
    }
    expect(look('/store', 'Keyed/0/99999').kind).toBe('no record');
    expect(look('/store', '99').notes).toEqual(['no record begins here']);
  });

  it('shows segments with all their records', () => {
    const segments = disk.list('/store/commitlog').map((name) => look(`/store/commitlog/${name}`));
    const offsets = segments.flatMap(({ rows = [] }) => rows.map(([logOffset]) => logOffset));
    expect(offsets).toEqual(index.messages.map(({ physicalOffset }) => physicalOffset));
    expect(String(factOf(segments[0]!, 'filler'))).toMatch(/^\d+ bytes/);
  });

  it('shows entries of queues, of both kinds', () => {
    const queue = index.queues.find(({ topic, queueId }) => topic === 'Bulk' && queueId === 0)!;
    const first = look('/store/consumequeue/Bulk/0/00000000000000000000');
    expect(first.rows!.map((row) => row.map(Number))).toEqual(
      queue.entries.slice(0, 50).map((entry) => entry.slice(0, 4)),
    );
    const batch = index.queues.find(({ type }) => type === 'BatchCQ')!;
    const shown = look(`/store/batchconsumequeue/${batch.topic}/${batch.queueId}/00000000000000000000`);
    expect(shown.rows!.map(([, offset, count, logOffset, size]) => [offset, logOffset, size, count])).toEqual(
      batch.entries
        .slice(0, shown.rows!.length)
        .map(([offset, logOffset, size, , count]) => [offset, logOffset, size, count]),
    );
  });

  it('walks the chain of a key in an index file, whose shape it finds out', () => {
    const [name] = disk.list('/store/index');
    const file = look(`/store/index/${name}`, 'Keyed#user-0');
    expect([factOf(file, 'slots'), factOf(file, 'entries at most')]).toEqual([300, 800]);
    const keyed = index.messages.filter(({ topic }) => topic === 'Keyed').map(({ physicalOffset }) => physicalOffset);
    expect(file.rows!.some(([, , logOffset]) => keyed.includes(Number(logOffset)))).toBe(true);
    const all = look(`/store/index/${name}`);
    expect(all.rows).toHaveLength(799);
  });

  it('says of a part that is not there that it is not', () => {
    const queue = '/store/consumequeue/Bulk/0/00000000000000001000';
    const segment = '/store/commitlog/00000000000001048576';
    const batch = `/store/batchconsumequeue/${disk.list('/store/batchconsumequeue')[0]}/0/00000000000000000000`;
    const [name] = disk.list('/store/index');
    const file = `/store/index/${name}`;
    const missing: [path: string, what: string, note: RegExp][] = [
      [file, 'Keyed#never-sent', /^the file has no entry of Keyed#never-sent/],
      [file, '999999', /^there is no entry 999999: the file has the entries 1 to 799$/],
      [file, '0', /^there is no entry 0/],
      [queue, '1000', /^there is no entry of offset 1000: the file has 50 to 99$/],
      [queue, '49', /^there is no entry of offset 49: the file has 50 to 99$/],
      [batch, '99999', /^there is no entry of offset 99999: the file has 0 to \d+$/],
      [segment, '99999999', /^there is no offset 99999999: the file has the log offsets 1048576 to 2097151$/],
      [segment, '1048577', /^no whole record begins at 1048577$/],
    ];
    for (const [path, what, note] of missing) {
      const { isMissing, rows, notes } = look(path, what);
      expect([what, isMissing, rows, notes]).toEqual([what, true, undefined, [expect.stringMatching(note)]]);
    }
    const filler = look('/store/commitlog/00000000000000000000').facts['records end at'];
    expect(look('/store/commitlog/00000000000000000000', String(filler)).notes![0]).toMatch(/^filler of \d+ bytes/);
  });

  it('shows the last entry and the last record of a file, whatever the limit', () => {
    const [name] = disk.list('/store/index');
    const last = index.messages.findLast(({ physicalOffset }) => physicalOffset < 2_097_152)!.physicalOffset;
    const parts: [path: string, what: string][] = [
      [`/store/index/${name}`, '799'],
      [`/store/index/${name}`, 'Keyed#user-0'],
      ['/store/consumequeue/Bulk/0/00000000000000001000', '99'],
      ['/store/commitlog/00000000000001048576', String(last)],
    ];
    for (const [path, what] of parts) {
      expect(look(path, what).rows!.length, what).toBeGreaterThan(0);
      expect(inspect(disk, path, what, 0).isMissing ?? false, what).toBe(false);
    }
  });

  it('says of files of a queue that they begin at a wrong place, and does not count them', () => {
    const store = goldenStore('clean');
    const directory = '/store/consumequeue/Bulk/0';
    const rowsOf = (): unknown => look('/store', undefined, store).rows!.find(([topic]) => topic === 'Bulk');
    const whole = rowsOf();
    const stray = `${directory}/00000000000000000115`;
    store.put(stray, store.readWhole(`${directory}/00000000000000000000`));
    store.makeDirectory(`${directory}/00000000000000099000`);
    expect(rowsOf()).toEqual(whole);
    expect(look('/store', undefined, store).notes).toEqual([
      'Bulk/0: 00000000000000000115 begins where no file of 1000 bytes does, and is not counted',
    ]);
    const file = look(stray, undefined, store);
    expect([file.rows![0]![0], factOf(file, 'queue offsets')]).toEqual([0, '0 to 50']);
    expect(file.notes).toEqual([
      'it begins at 115, where no file of 1000 bytes does: which offsets its entries have cannot be told, and they are counted from 0',
    ]);
  });

  it('shows what lies behind the last entry of a damaged queue', () => {
    expect(inspect(disk, '/store/consumequeue/Bulk/0/00000000000000001000', '50', 49).notes![0]).toMatch(
      /^1 entry more: --limit shows it, /,
    );
    const damaged = goldenStore('clean');
    const path = '/store/consumequeue/Bulk/0/00000000000000001000';
    damaged.bytesOf(path).fill(0, 0, 20);
    const { isMissing, rows, notes } = look(path, '50', damaged);
    expect([isMissing, rows!.length, notes]).toEqual([undefined, 50, [expect.stringMatching(/^there is no entry/)]]);
    damaged.bytesOf(path).fill(0);
    expect(look(path, '50', damaged).isMissing).toBe(true);
  });

  it('does not take a filler of a queue for an entry', () => {
    const filled = goldenStore('clean');
    const filler = new DataView(filled.bytesOf('/store/consumequeue/Bulk/0/00000000000000000000').buffer);
    writeQueueEntry(filler, 0, 0, FILLER_ENTRY_SIZE, 0);
    expect(look('/store', 'Bulk/0/0', filled)).toMatchObject({ kind: 'no record', isMissing: true });
  });

  it('refuses what names no part of a file', () => {
    const [name] = disk.list('/store/index');
    const refused: [path: string, what: string][] = [
      ['/store/commitlog/00000000000000000000', 'abc'],
      ['/store/commitlog/00000000000000000000', '1.5'],
      ['/store/consumequeue/Bulk/0/00000000000000000000', '-1'],
      [`/store/index/${name}`, 'user-0'],
      ['/store/checkpoint', '5'],
      ['/store/config/topics.json', 'Bulk'],
      ['/store', '9007199254740993'],
    ];
    for (const [path, what] of refused) {
      expect(() => look(path, what), what).toThrow(ConfigurationError);
      expect(() => look(path, what), what).toThrow(`${what}: `);
    }
  });

  it('shows the small files', () => {
    expect(look('/store/checkpoint')).toMatchObject({ kind: 'checkpoint', notes: [] });
    const damaged = goldenStore('clean');
    damaged.bytesOf('/store/checkpoint').fill(0xff);
    expect(look('/store/checkpoint', undefined, damaged).notes).toEqual([expect.stringMatching(/^is damaged: /)]);
    expect(factOf(look('/store/config/topics.json'), 'topicConfigTable')).toMatch(/^29: /);
    const offsets = look('/store/config/consumerOffset.json').value as {
      offsetTable: Record<string, Record<string, number>>;
    };
    expect(offsets.offsetTable['Sql@CG_sql']).toEqual({ 0: 10, 1: 9, 2: 8, 3: 10 });
    const crashed = damagedStore(goldenVariants.find(({ name }) => name === 'crash-torn-record')!);
    expect(look('/store/abort', undefined, crashed).kind).toBe('abort file');
    expect(factOf(look('/store', undefined, crashed), 'state')).toMatch(/^not stopped in order/);
    const failed = disk.copy();
    failed.put('/store/commitlog.sync-failed', '');
    expect(factOf(look('/store', undefined, failed), 'state')).toMatch(/^not stopped in order/);
  });

  it("shows the timer's files", () => {
    const timer = goldenStore('clean');
    readTar(goldenBytes('store/clean.tar.gz'), (path, contents) => {
      if (path.includes('/timerlog/')) timer.put(`/store/${path.slice('clean/'.length)}`, contents);
    });
    const [name] = timer.list('/store/timerlog');
    expect(look(`/store/timerlog/${name}`, undefined, timer).rows).toHaveLength(4);
    expect(factOf(look('/store/config/timercheck'), 'queue offset')).toBe(4);
  });

  it('shows the whole store: the range of the log and of every queue', () => {
    const store = look('/store');
    expect(factOf(store, 'log offsets')).toBe(`${index.commitLog.minOffset} to ${index.commitLog.maxOffset}`);
    const bounds = new Map(store.rows!.map(([topic, queue, min, max]) => [`${topic}/${queue}`, [min, max]]));
    for (const { topic, queueId, minOffset, maxOffset, type } of index.queues) {
      if (type === 'SimpleCQ' && maxOffset > 0)
        expect(bounds.get(`${topic}/${queueId}`)).toEqual([minOffset, maxOffset]);
    }
  });

  it('says what is wrong with a record', () => {
    const torn = damagedStore(goldenVariants.find(({ name }) => name === 'clean-bad-body')!);
    const notes = index.messages
      .slice(-20)
      .flatMap(({ physicalOffset }) => look('/store', String(physicalOffset), torn).notes!);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/the body is damaged/);
  });

  it('changes nothing, and prints everything as text and as JSON', () => {
    const own = goldenStore('clean');
    own.journal.length = 0;
    for (const path of ['/store', '/store/checkpoint', '/store/commitlog/00000000000000000000']) {
      const shown = look(path, undefined, own);
      expect(inspectionText(shown).split('\n').length).toBeGreaterThan(3);
      expect(JSON.parse(jsonLine(inspectionJson(shown)))).toMatchObject({ kind: shown.kind, path });
    }
    const record = JSON.parse(jsonLine(inspectionJson(look('/store', '0')))) as { value: { body: string } };
    expect(record.value.body).toMatch(/^[0-9a-f]+$/);
    expect(own.journal).toEqual([]);
    expect(own.openFiles).toBe(0);
  });
});

describe('ringmq inspect', () => {
  it('refuses what is no store with 1 and a bad command line with 2', async () => {
    expect((await resultOf(ringmq(['inspect', '/proc']))).code).toBe(1);
    expect((await resultOf(ringmq(['inspect', '/tmp', '--limit', 'x']))).code).toBe(2);
    const file = join(realStore(goldenStore('clean')), 'consumequeue', 'Bulk', '0', '00000000000000000000');
    const missing = await resultOf(ringmq(['inspect', file, '1000']));
    expect([missing.code, missing.stdout]).toEqual([1, expect.stringContaining('! there is no entry of offset 1000')]);
    expect((await resultOf(ringmq(['inspect', '/not-there']))).stderr).toBe('ringmq: /not-there is not there');
    const asJson = await resultOf(ringmq(['inspect', '/not-there', '--json']));
    expect([asJson.code, JSON.parse(asJson.stdout)]).toEqual([1, { error: '/not-there is not there' }]);
    expect(() => look('/store/checkpoint/x')).toThrow('/store/checkpoint is a file, not a folder of a store');
  });

  it('finds a log that lies elsewhere by the settings', () => {
    const moved = goldenStore('clean');
    for (const name of moved.list('/store/commitlog')) {
      moved.put(`/log/${name}`, moved.readWhole(`/store/commitlog/${name}`));
      moved.unlink(`/store/commitlog/${name}`);
    }
    const { physicalOffset, topic } = index.messages[0]!;
    const flags = { set: ['storePathCommitLog=/log'] };
    expect(inspect(moved, '/store', String(physicalOffset), ALL, flags).facts).toMatchObject({ topic });
  });
});
