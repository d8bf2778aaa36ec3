import { beforeEach, describe, expect, it } from 'vitest';
import type { SettingsFiles } from '../../src/broker/control-ports.ts';
import { SettingsFolder } from '../../src/store/settings-file.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

let disk: MemoryDisk;
let lines: string[];
let files: SettingsFiles;

beforeEach(() => {
  disk = new MemoryDisk();
  lines = [];
  files = new SettingsFolder(disk, '/store/config', {
    warn: (message) => lines.push(message),
    error: (message) => lines.push(message),
  });
});

const load = (): unknown => files.load('topics.json', (text) => JSON.parse(text) as unknown);
const textOf = (name: string): string => Buffer.from(disk.readWhole(`/store/config/${name}`)).toString();

describe('a settings file', () => {
  it('is read as it was saved, and nothing is said when there is none', () => {
    expect(load()).toBeNull();
    files.save('topics.json', '{"a":1}');
    expect(load()).toEqual({ a: 1 });
    expect(lines).toEqual([]);
    expect(disk.list('/store/config')).toEqual(['topics.json']);
  });

  it('keeps the version before', () => {
    for (const version of [1, 2, 3]) files.save('topics.json', String(version));
    expect([textOf('topics.json'), textOf('topics.json.bak')]).toEqual(['3', '2']);
  });

  it('is on the disk before it gets its name, and its name before saving is done', () => {
    files.save('topics.json', '1');
    files.save('topics.json', '2');
    const path = '/store/config/topics.json';
    expect(disk.journal).toEqual([
      // The folder that has just been made.
      'fsync /',
      'fsync /store',
      `fdatasync ${path}.tmp`,
      `rename ${path}.tmp ${path}`,
      'fsync /store/config',
      `fdatasync ${path}.tmp`,
      `rename ${path} ${path}.bak`,
      `rename ${path}.tmp ${path}`,
      'fsync /store/config',
    ]);
  });

  it('that a killed process has renamed keeps its name, once it was read', () => {
    disk.put('/store/config/topics.json', '1');
    load();
    load();
    expect(disk.journal).toEqual(['fsync /store/config']);
  });

  it.each([
    ['missing', () => disk.unlink('/store/config/topics.json')],
    ['empty', () => disk.put('/store/config/topics.json', '')],
    ['damaged', () => disk.put('/store/config/topics.json', '{"a":')],
  ])('gives the version before when it is %s, and says so', (_, damage) => {
    files.save('topics.json', '1');
    files.save('topics.json', '2');
    damage();
    expect(load()).toBe(1);
    expect(lines.at(-1)).toContain('topics.json.bak');
  });

  it('that is damaged does not take the place of the good version before it', () => {
    files.save('topics.json', '1');
    files.save('topics.json', '2');
    disk.put('/store/config/topics.json', 'no json');
    expect(load()).toBe(1);
    expect(textOf('topics.json.damaged')).toBe('no json');
    files.save('topics.json', '3');
    expect([textOf('topics.json'), textOf('topics.json.bak')]).toEqual(['3', '1']);
  });

  it('is null when neither version can be parsed', () => {
    disk.put('/store/config/topics.json', '?');
    disk.put('/store/config/topics.json.bak', '??');
    expect(load()).toBeNull();
    expect(lines.length).toBe(2);
  });

  it('stays as it was when the disk is full', () => {
    files.save('topics.json', '1');
    disk.roomBytes = 3;
    expect(() => files.save('topics.json', '"a longer text"')).toThrow('disk full');
    disk.roomBytes = Number.POSITIVE_INFINITY;
    expect(load()).toBe(1);
    files.save('topics.json', '2');
    expect(load()).toBe(2);
  });
});
