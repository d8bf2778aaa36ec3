/** What tools ask a broker about itself: figures and settings (28, 26). Spec/api.md 15.6. */
import { type Answer, withBody } from './answer.ts';
import type { DataVersion } from './data-version.ts';

/** Keys of 28 that tools parse as numbers; a broker that leaves one out breaks them. */
const ZERO_FIGURES: readonly string[] = [
  'putMessageEntireTimeMax',
  'putMessageTimesTotal',
  'putMessageFailedTimes',
  'putMessageSizeTotal',
  'putMessageDistributeTime',
  'putMessageAverageSize',
  'dispatchMaxBuffer',
  'getMessageEntireTimeMax',
  'putLatency99',
  'putLatency999',
  'commitLogDiskRatio',
  'consumeQueueDiskRatio',
  'commitLogMinOffset',
  'commitLogMaxOffset',
  'bootTimestamp',
  'msgPutTotalYesterdayMorning',
  'msgPutTotalTodayMorning',
  'msgPutTotalTodayNow',
  'msgGetTotalYesterdayMorning',
  'msgGetTotalTodayMorning',
  'msgGetTotalTodayNow',
  'dispatchBehindBytes',
  'pageCacheLockTimeMills',
  'earliestMessageTimeStamp',
  'startAcceptSendRequestTimeStamp',
  'timerReadBehind',
  'timerOffsetBehind',
  'timerCongestNum',
  'timerEnqueueTps',
  'timerDequeueTps',
  'remainTransientStoreBufferNumbs',
  'remainHowManyDataToCommit',
  'remainHowManyDataToFlush',
  'EndTransactionQueueSize',
  'EndTransactionThreadPoolQueueCapacity',
  ...['send', 'pull', 'litePull', 'query', 'ack'].flatMap((pool) => [
    `${pool}ThreadPoolQueueSize`,
    `${pool}ThreadPoolQueueCapacity`,
    `${pool}ThreadPoolQueueHeadWaitTimeMills`,
  ]),
];

/** Rates over 10 s, 1 min and 10 min; tools take the first. */
const ZERO_RATES: readonly string[] = ['putTps', 'getFoundTps', 'getMissTps', 'getTotalTps', 'getTransferredTps'];

const DEFAULT_FIGURES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(ZERO_FIGURES.map((key) => [key, '0'])),
  ...Object.fromEntries(ZERO_RATES.map((key) => [key, '0.0 0.0 0.0'])),
  brokerActive: 'true',
  brokerVersion: '479',
  brokerVersionDesc: 'V5_3_3',
  runtime: '[ 0 days, 0 hours, 0 minutes, 0 seconds ]',
  commitLogDirCapacity: 'Total : 0 B, Free : 0 B.',
};

/** 28: the figures that the broker has, and zero for those of upstream that it has not. */
export function runtimeInfo(figures: Readonly<Record<string, string>>): Answer {
  return withBody({ table: { ...DEFAULT_FIGURES, ...figures } });
}

/** 26. */
export function brokerConfig(text: string, version: DataVersion): Answer {
  const fields = new Map([['version', JSON.stringify(version.fields)]]);
  return { code: 0, remark: null, extFields: fields, body: Buffer.from(text) };
}
