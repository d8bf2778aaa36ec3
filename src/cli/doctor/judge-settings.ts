/** The settings beside the machine and the store: what contradicts what. Part of `ringmq doctor`, pure. */

import { counted } from '../../base/counted.ts';
import { QUEUE_HANDLES_WRITE_MAX } from '../../base/limits.ts';
import { count } from '../../bench/quantities.ts';
import type { BrokerSettings } from '../../broker/broker-settings.ts';
import { CORES_FOR_FULL } from '../../embed/start-broker.ts';
import { indexFileBytes } from '../../layout/index-file.ts';
import { shareDescriptors } from '../../threads/descriptor-shares.ts';
import { sizeText } from '../tool-output.ts';
import { type DoctorLine, line } from './doctor-line.ts';
import type { DoctorFacts, IndexMisfit } from './facts.ts';

const HOUR_MS = 3_600_000;
/** Rates of a log younger than this say nothing. */
const LOG_AGE_MIN_MS = HOUR_MS;
/** Threads beside net in the placement `full`: append, flush, dispatch and control. */
const OTHER_THREADS = 4;

export function judgeSettings(facts: DoctorFacts): DoctorLine[] {
  const lines: DoctorLine[] = facts.settingsProblems.map((problem) =>
    line('bad', 'settings', problem, 'the broker refuses to start'),
  );
  for (const warning of facts.settingsWarnings) lines.push(line('warn', 'settings', warning, ''));
  if (facts.settings === null) return lines;
  const { settings } = facts;
  lines.push(...judgeSizes(facts, settings), judgeDescriptors(facts, settings), judgePlacement(facts, settings));
  lines.push(...judgeMemoryUse(facts, settings), ...judgeRetention(facts, settings));
  return lines;
}

const UNSURE_REMEDY =
  'set it as it was when they were made; where it was that, they have lost their end, and a copy has to be put back';

const SHORT_MEANS = 'a start lets the newest file grow that a crash has left short, and refuses any other';

/** Files of another size are refused at start. Without a given setting the default is meant. */
function judgeSizes({ store }: DoctorFacts, settings: BrokerSettings): DoctorLine[] {
  const compared = [
    ['mappedFileSizeCommitLog', store.segmentSize],
    ['mappedFileSizeConsumeQueue', store.queueFileSize],
  ] as const;
  const lines = compared.flatMap(([name, told]) => {
    if (told === null || told.bytes === settings[name]) return [];
    const { bytes, isSure } = told;
    const figure = `${settings[name]}, but the files have ${bytes}`;
    if (!isSure && !store.isStoppedInOrder && bytes < settings[name]) return line('warn', name, figure, SHORT_MEANS);
    const remedy = isSure ? `set ${name}=${bytes}` : UNSURE_REMEDY;
    return line('bad', name, figure, `the broker refuses to start: ${remedy}`);
  });
  return store.indexMisfit === null ? lines : [...lines, judgeIndexShape(store.indexMisfit, settings)];
}

function judgeIndexShape({ path, sizeBytes, shape }: IndexMisfit, settings: BrokerSettings): DoctorLine {
  if (sizeBytes === null)
    return line(
      'bad',
      'index',
      `${path} is a folder, where a file is to be`,
      'the broker refuses to start: move it away',
    );
  const { maxHashSlotNum: slots, maxIndexNum: entries } = settings;
  const figure = `${slots} and ${entries} make ${indexFileBytes({ slots, entries })} bytes, but ${path} has ${sizeBytes}`;
  const remedy =
    shape === null
      ? 'set them as they were, or move the files away'
      : `set maxHashSlotNum=${shape.slots} and maxIndexNum=${shape.entries}`;
  return line('bad', 'maxHashSlotNum, maxIndexNum', figure, `the broker refuses to start: ${remedy}`);
}

function judgeDescriptors({ machine }: DoctorFacts, settings: BrokerSettings): DoctorLine {
  const { descriptorLimit } = machine;
  const shares = shareDescriptors(descriptorLimit, settings);
  const limit = descriptorLimit === Number.MAX_SAFE_INTEGER ? 'unlimited' : count(descriptorLimit);
  const figure = `${limit}: ${count(shares.connections)} connections a net thread, ${count(shares.queueWriter)} queue files of dispatch`;
  if (shares.connections < settings.connectionsMax) {
    return line(
      'warn',
      'descriptors',
      figure,
      `connectionsMax is ${count(settings.connectionsMax)}: raise ulimit -n for so many`,
    );
  }
  if (shares.queueWriter < QUEUE_HANDLES_WRITE_MAX) {
    return line(
      'warn',
      'descriptors',
      figure,
      `with more queues than that their files are opened again and again: raise ulimit -n`,
    );
  }
  return line('ok', 'descriptors', figure, 'enough for what is set');
}

function judgePlacement({ machine }: DoctorFacts, { placement, netThreads }: BrokerSettings): DoctorLine {
  const figure = `${placement} on ${counted(machine.cores, 'core')}`;
  if (placement === 'full' && machine.cores === 1) {
    return line('warn', 'placement', figure, 'five threads take turns on one core: compact does with less');
  }
  if (netThreads + OTHER_THREADS > 2 * machine.cores && netThreads > 1) {
    return line(
      'warn',
      'placement',
      `${figure}, ${netThreads} net threads`,
      'more threads than the cores can serve: fewer netThreads',
    );
  }
  if (placement === 'full' && machine.cores < CORES_FOR_FULL) {
    return line('warn', 'placement', figure, `compact is usually faster on fewer than ${CORES_FOR_FULL} cores`);
  }
  return line('ok', 'placement', figure, '');
}

function judgeMemoryUse({ machine }: DoctorFacts, settings: BrokerSettings): DoctorLine[] {
  const lines: DoctorLine[] = [];
  const { memoryLimitBytes } = machine;
  const hot = (memoryLimitBytes * settings.accessMessageInMemoryMaxRatio) / 100;
  if (settings.undispatchedMaxBytes > memoryLimitBytes / 2) {
    const figure = `${sizeText(settings.undispatchedMaxBytes)} of ${sizeText(memoryLimitBytes)}`;
    lines.push(
      line('warn', 'undispatchedMaxBytes', figure, 'dispatch may fall so far behind that it reads from the disk'),
    );
  }
  if (settings.accessMessageInMemoryMaxRatio > 80) {
    const figure = `${settings.accessMessageInMemoryMaxRatio} %`;
    lines.push(
      line(
        'warn',
        'accessMessageInMemoryMaxRatio',
        figure,
        'messages count as in memory that the page cache cannot hold: net threads would wait for the disk',
      ),
    );
  } else {
    lines.push(
      line('ok', 'hot messages', sizeText(hot), 'of the newest log count as in memory (accessMessageInMemoryMaxRatio)'),
    );
  }
  if (settings.flushDiskType === 'ASYNC_FLUSH' && settings.flushIntervalCommitLog > 5000) {
    const figure = `${settings.flushIntervalCommitLog} ms`;
    lines.push(
      line('warn', 'flushIntervalCommitLog', figure, 'a loss of power takes all that was acknowledged in this time'),
    );
  }
  return lines;
}

/** How much log `fileReservedTime` keeps at the rate at which this one has grown, and whether the disk has room for it. */
function judgeRetention({ store, disk, machine }: DoctorFacts, settings: BrokerSettings): DoctorLine[] {
  const { oldestStoreMs, newestStoreMs } = store;
  if (oldestStoreMs === null || newestStoreMs === null || newestStoreMs - oldestStoreMs < LOG_AGE_MIN_MS) return [];
  const hours = settings.fileReservedTime;
  const bytesPerHour = store.logBytes / ((Math.min(newestStoreMs, machine.nowMs) - oldestStoreMs) / HOUR_MS);
  const wanted = bytesPerHour * hours;
  const figure = `${sizeText(wanted)} in ${hours} h at ${sizeText(bytesPerHour)}/h`;
  const room = disk.freeBytes + store.logBytes;
  if (wanted > room) {
    return [
      line(
        'warn',
        'fileReservedTime',
        figure,
        `only ${sizeText(room)} are there: files go before their time, or the disk fills up`,
      ),
    ];
  }
  return [line('ok', 'fileReservedTime', figure, `${sizeText(room)} are there`)];
}
