/**
 * What `ringmq bench` can be told: one list that the command line shows and reads, and the settings that the engine runs with. Called by
 * cli/ and by bench.ts.
 */
import { BENCH_BODY_MIN_BYTES } from '../layout/bench-body.ts';

export type FlushMode = 'async' | 'sync';
export type Placement = 'full' | 'compact' | 'inline';
export type HeaderKind = 'json' | 'rocketmq';

/** Rates of the open loop: messages a second, or half of what the closed loop reached. */
export type Rate = number | 'half';

export interface BenchSettings {
  /** Broker to load; null: RingMQ, started for this run. */
  readonly target: string | null;
  /** NameServers to ask for a broker; null: none. */
  readonly nameServer: string | null;
  /** Running brokers to measure after that, for the same report. */
  readonly beside: readonly string[];
  readonly flush: readonly FlushMode[];
  readonly placement: Placement;
  /** Parent folder of the stores; each mode has a new one, deleted afterwards. */
  readonly store: string;
  readonly keepStore: boolean;
  readonly brokerSettings: readonly string[];
  readonly bodyBytes: number;
  readonly topics: number;
  readonly queues: number;
  readonly connections: number;
  readonly inFlight: readonly number[];
  readonly rates: readonly Rate[];
  /** Of a closed-loop phase. */
  readonly throughputMs: number;
  /** Of an open-loop phase. */
  readonly latencyMs: number;
  readonly warmUpMs: number;
  /** How long to wait for the last answers, and for the next message when some are missing. */
  readonly patienceMs: number;
  readonly header: HeaderKind;
  readonly json: boolean;
  /** Path of the HTML report; null: none. */
  readonly report: string | null;
  /** Name of the measured broker in the report; null: what it says of itself. */
  readonly label: string | null;
}

/** One flag, in commander's notation; `name` is the key under which its value comes back. */
export interface BenchOption {
  readonly name: keyof RawBenchOptions;
  readonly flags: string;
  readonly description: string;
  readonly default?: string;
  /** May be given more than once. */
  readonly repeatable?: boolean;
}

/** Values as the command line has them: text, true for a flag, a list for a repeatable one. */
export interface RawBenchOptions {
  quick?: boolean;
  target?: string;
  namesrv?: string;
  beside?: readonly string[];
  flush?: string;
  placement?: string;
  store?: string;
  keepStore?: boolean;
  set?: readonly string[];
  size?: string;
  topics?: string;
  queues?: string;
  connections?: string;
  inFlight?: string;
  rate?: string;
  duration?: string;
  warmUp?: string;
  patience?: string;
  header?: string;
  json?: boolean;
  report?: string | boolean;
  label?: string;
}

export const benchOptions: readonly BenchOption[] = [
  { name: 'quick', flags: '--quick', description: 'about 15 s instead of 90' },
  { name: 'target', flags: '--target <host:port>', description: 'load this broker instead of starting RingMQ' },
  { name: 'namesrv', flags: '--namesrv <addresses>', description: 'load the broker that this NameServer names' },
  {
    name: 'beside',
    flags: '--beside <host:port>',
    description: 'load this running broker as well, for the same report',
    repeatable: true,
  },
  {
    name: 'flush',
    flags: '--flush <modes>',
    description: 'modes to compare, of a broker started here',
    default: 'async,sync',
  },
  { name: 'placement', flags: '--placement <placement>', description: 'full, compact or inline', default: 'full' },
  {
    name: 'store',
    flags: '--store <dir>',
    description: 'folder for the stores, on the disk to measure',
    default: 'bench-results/store',
  },
  { name: 'keepStore', flags: '--keep-store', description: 'leave the stores there' },
  { name: 'set', flags: '--set <key=value>', description: 'a setting of the broker started here', repeatable: true },
  { name: 'size', flags: '--size <bytes>', description: 'size of a message body', default: '1024' },
  { name: 'topics', flags: '--topics <count>', description: 'topics to send to, in turn', default: '1' },
  { name: 'queues', flags: '--queues <count>', description: 'queues of each topic', default: '8' },
  { name: 'connections', flags: '--connections <count>', description: 'connections that send', default: '4' },
  {
    name: 'inFlight',
    flags: '--in-flight <counts>',
    description: 'closed loop: requests in flight, over all connections',
    default: '1,32,256,1024',
  },
  {
    name: 'rate',
    flags: '--rate <rates>',
    description: "open loop: messages a second; half: half of the closed loop's best",
    default: '1000,10000,half',
  },
  {
    name: 'duration',
    flags: '--duration <seconds>',
    description: 'measured time of each phase (default: 3 closed loop, 5 open loop)',
  },
  { name: 'warmUp', flags: '--warm-up <seconds>', description: 'time before it that does not count (default: 0.7)' },
  {
    name: 'patience',
    flags: '--patience <seconds>',
    description: 'how long to wait for late answers and missing messages',
    default: '5',
  },
  {
    name: 'header',
    flags: '--header <kind>',
    description: 'header encoding of the requests: json (as Java clients) or rocketmq',
    default: 'json',
  },
  { name: 'json', flags: '--json', description: 'the result as JSON on standard output' },
  { name: 'report', flags: '--report <file>', description: 'the HTML report', default: 'bench-results/bench.html' },
  { name: 'label', flags: '--label <name>', description: 'name of the measured broker in the report' },
];

/** A flag with a value that makes no sense. */
export class BenchUsageError extends Error {
  override readonly name = 'BenchUsageError';
}

const DEFAULTS = { throughputMs: 3_000, latencyMs: 5_000, warmUpMs: 700 };
const QUICK = { throughputMs: 400, latencyMs: 700, warmUpMs: 150 };

/** Reads the flags; absent ones have the defaults that the list shows. Throws {@link BenchUsageError}. */
export function benchSettings(raw: RawBenchOptions): BenchSettings {
  const text = (name: keyof RawBenchOptions): string =>
    String(raw[name] ?? benchOptions.find((option) => option.name === name)?.default);
  const times = raw.quick === true ? QUICK : DEFAULTS;
  const durationMs = raw.duration === undefined ? null : seconds('duration', raw.duration, 0.1);
  const target = raw.target ?? null;
  const nameServer = raw.namesrv ?? null;
  if (target !== null && nameServer !== null) throw new BenchUsageError('give --target or --namesrv, not both');
  const flush = list('flush', text('flush'), (mode) => oneOf<FlushMode>('flush', mode, ['async', 'sync']));
  if (flush.length === 0) throw new BenchUsageError('--flush takes async, sync or both');
  const inFlight = list('in-flight', text('inFlight'), (value) => count('in-flight', value, 1, 65_536));
  const rates = list('rate', text('rate'), (value) => (value === 'half' ? value : count('rate', value, 1, 10_000_000)));
  if (rates.includes('half') && inFlight.length === 0) {
    throw new BenchUsageError(
      '--rate half is half of what the closed loop reaches, and --in-flight none leaves that out',
    );
  }
  return {
    target,
    nameServer,
    beside: raw.beside ?? [],
    flush,
    placement: oneOf('placement', text('placement'), ['full', 'compact', 'inline']),
    store: text('store'),
    keepStore: raw.keepStore === true,
    brokerSettings: raw.set ?? [],
    bodyBytes: count('size', text('size'), BENCH_BODY_MIN_BYTES, 4 * 1024 * 1024),
    topics: count('topics', text('topics'), 1, 8192),
    queues: count('queues', text('queues'), 1, 1024),
    connections: count('connections', text('connections'), 1, 256),
    inFlight,
    rates,
    throughputMs: durationMs ?? times.throughputMs,
    latencyMs: durationMs ?? times.latencyMs,
    warmUpMs: raw.warmUp === undefined ? times.warmUpMs : seconds('warm-up', raw.warmUp, 0),
    patienceMs: seconds('patience', text('patience'), 0),
    header: oneOf('header', text('header'), ['json', 'rocketmq']),
    json: raw.json === true,
    report: raw.report === false || text('report') === 'none' ? null : text('report'),
    label: raw.label ?? null,
  };
}

function list<Value>(name: string, text: string, read: (item: string) => Value): Value[] {
  // "none" leaves a kind of phase out.
  if (text === 'none') return [];
  const items = text.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) throw new BenchUsageError(`--${name} ${text}: an empty item`);
  return items.map(read);
}

function oneOf<Value extends string>(name: string, text: string, values: readonly Value[]): Value {
  const found = values.find((value) => value === text);
  if (found === undefined) throw new BenchUsageError(`--${name} takes ${values.join(', ')}; not ${text}`);
  return found;
}

function count(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new BenchUsageError(`--${name} takes a whole number from ${min} to ${max}; not ${text}`);
  }
  return value;
}

/** In ms. */
function seconds(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!(value >= min && value <= 3600))
    throw new BenchUsageError(`--${name} takes seconds from ${min} to 3600; not ${text}`);
  return Math.round(value * 1000);
}
