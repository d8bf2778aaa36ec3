/** Everything the benchmark reads from and writes to files: stores, reports, facts about the machine in /proc and /sys. */
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { parseAddress } from '../transport/connect.ts';
import { type LatencySummary, newHistogram, recordUs, summarize } from './histograms.ts';

export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true });
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

export function writeText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The file's text, or null when it cannot be read. */
export function textOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

const SYNC_BYTES = 4096;
const SYNC_SAMPLES_MAX = 400;

/** How long fdatasync takes on the disk of `folder`: 4 KiB at a time onto blocks that were written before. Null when it fails. */
export function measureSync(folder: string, durationMs: number): LatencySummary | null {
  const path = `${folder}/fdatasync-probe`;
  const histogram = newHistogram();
  try {
    mkdirSync(folder, { recursive: true });
    const file = openSync(path, 'w');
    writeSync(file, new Uint8Array(SYNC_BYTES * SYNC_SAMPLES_MAX));
    fdatasyncSync(file);
    const block = new Uint8Array(SYNC_BYTES).fill(1);
    const endUs = systemClock.monotonicUs() + durationMs * 1000;
    for (let sample = 0; sample < SYNC_SAMPLES_MAX && systemClock.monotonicUs() < endUs; sample++) {
      writeSync(file, block, 0, SYNC_BYTES, sample * SYNC_BYTES);
      const startUs = systemClock.monotonicUs();
      fdatasyncSync(file);
      recordUs(histogram, systemClock.monotonicUs() - startUs);
    }
    closeSync(file);
    rmSync(path);
    return summarize(histogram);
  } catch {
    return null;
  }
}

/** "ext4 on /dev/vda (solid state)" for the file system that holds `folder`. */
export function describeDisk(folder: string): string {
  const mounts = (textOrNull('/proc/self/mountinfo') ?? '').split('\n').flatMap((line) => {
    // ID, parent, major:minor, root, mount point, options, ... "-", type, source (proc_pid_mountinfo(5)).
    const [before, behind] = line.split(' - ');
    const [, , device, , point] = (before ?? '').split(' ');
    const [type, source] = (behind ?? '').split(' ');
    return device === undefined || point === undefined ? [] : [{ device, point, type, source }];
  });
  let device: string;
  try {
    const { dev } = statSync(folder);
    // The Linux encoding of a device number, for the small numbers that disks have.
    device = `${(dev >> 8) & 0xfff}:${dev & 0xff}`;
  } catch {
    return 'unknown';
  }
  const mount = mounts.find((candidate) => candidate.device === device);
  if (mount === undefined) return 'unknown';
  const rotational =
    textOrNull(`/sys/dev/block/${device}/queue/rotational`) ??
    textOrNull(`/sys/dev/block/${device}/../queue/rotational`);
  const kind = rotational === null ? '' : rotational.trim() === '1' ? ' (rotating or virtual)' : ' (solid state)';
  return `${mount.type} on ${mount.source}${kind}`;
}

const LISTEN = '0A';

/** The process on this machine that listens at `address`; null when there is none, or when /proc does not tell. */
export function listenerPid(address: string): number | null {
  const { host, port } = parseAddress(address);
  if (host !== 'localhost' && host !== '::1' && !host.startsWith('127.')) return null;
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
    (textOrNull(table) ?? '').split('\n').flatMap((line) => {
      // Slot, local address, remote address, state, ..., inode in the tenth column (proc_net_tcp(5)).
      const columns = line.trim().split(/\s+/);
      return columns[1]?.endsWith(`:${hexPort}`) && columns[3] === LISTEN ? [columns[9]] : [];
    }),
  );
  const links = new Set(inodes.map((inode) => `socket:[${inode}]`));
  for (const entry of foldersOf('/proc')) {
    const pid = Number(entry);
    if (
      Number.isInteger(pid) &&
      foldersOf(`/proc/${pid}/fd`).some((file) => links.has(linkOf(`/proc/${pid}/fd/${file}`)))
    )
      return pid;
  }
  return null;
}

function foldersOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
