/**
 * The topics in a broker's registration (body of 103), in its two forms: JSON, and a zlib stream of length-prefixed pieces
 * (spec/api.md 4.2). A broker writes it, the NameServer reads it.
 */
import { deflateSync, inflateSync } from 'node:zlib';
import { FRAME_SIZE_MAX_BYTES } from '../base/limits.ts';
import { Version } from './codes.ts';
import { HeaderError } from './command.ts';
import { type DataVersionFields, readDataVersion } from './data-version.ts';
import type { JsonObject } from './fast-json.ts';
import { asObject, bodyObject, booleanMember, numberMember, objectMember, stringMember } from './json-fields.ts';
import { filterType, readTopicConfig, type TopicConfig } from './topic-config.ts';

/** Where a static topic's logical queues are on one broker. */
export interface TopicQueueMappingInfo {
  readonly bname: string;
  /** Logical to physical queue id. */
  readonly currIdMap: ReadonlyMap<number, number>;
  readonly dirty: boolean;
  readonly epoch: number;
  readonly scope: string;
  readonly topic: string;
  readonly totalQueues: number;
}

export interface RegisterBody {
  readonly dataVersion: DataVersionFields;
  readonly topics: readonly TopicConfig[];
  readonly queueMappings: readonly TopicQueueMappingInfo[];
}

/** What a registration without a body says. */
export const EMPTY_REGISTER_BODY: RegisterBody = {
  dataVersion: { counter: 0, stateVersion: 0, timestamp: 0 },
  topics: [],
  queueMappings: [],
};

/** A compressed body may not become larger than the largest registrations that could have come uncompressed. */
const INFLATED_SIZE_MAX_BYTES = 4 * FRAME_SIZE_MAX_BYTES;

/** The JSON form, members in upstream's order. */
export function encodeRegisterBody(body: RegisterBody): Uint8Array {
  const { counter, stateVersion, timestamp } = body.dataVersion;
  const topicConfigSerializeWrapper = {
    dataVersion: { counter, stateVersion, timestamp },
    mappingDataVersion: { counter: 0, stateVersion: 0, timestamp },
    topicConfigTable: Object.fromEntries(body.topics.map((topic) => [topic.topicName, topic])),
    topicQueueMappingDetailMap: {},
    topicQueueMappingInfoMap: Object.fromEntries(
      body.queueMappings.map((mapping) => [mapping.topic, plainMapping(mapping)]),
    ),
  };
  return Buffer.from(JSON.stringify({ filterServerList: [], topicConfigSerializeWrapper }));
}

/** The compressed form, which brokers send when told to save bandwidth; with mappings, as versions from 5.0 do. */
export function encodeCompressedRegisterBody(body: RegisterBody): Uint8Array {
  const { counter, stateVersion, timestamp } = body.dataVersion;
  const pieces = [lengthPrefixed(JSON.stringify({ counter, stateVersion, timestamp })), int32(body.topics.length)];
  for (const topic of body.topics) pieces.push(lengthPrefixed(topicLine(topic)));
  pieces.push(lengthPrefixed('[]'), int32(body.queueMappings.length));
  for (const mapping of body.queueMappings) pieces.push(lengthPrefixed(JSON.stringify(plainMapping(mapping))));
  return deflateSync(Buffer.concat(pieces));
}

/** Reads the JSON form. Senders before 3.0.11 send only the inner wrapper. */
export function decodeRegisterBody(body: Uint8Array | null, senderVersion: number): RegisterBody {
  const whole = bodyObject(body);
  if (whole === null) return EMPTY_REGISTER_BODY;
  const wrapper = senderVersion < Version.V3_0_11 ? whole : objectMember(whole, 'topicConfigSerializeWrapper');
  const topics: TopicConfig[] = [];
  for (const [name, config] of Object.entries(objectMember(wrapper, 'topicConfigTable'))) {
    topics.push({ ...readTopicConfig(asObject(config, `the topic ${name}`)), topicName: name });
  }
  const queueMappings: TopicQueueMappingInfo[] = [];
  for (const [topic, mapping] of Object.entries(objectMember(wrapper, 'topicQueueMappingInfoMap'))) {
    queueMappings.push({ ...readMapping(asObject(mapping, `the queue mapping of ${topic}`)), topic });
  }
  return { dataVersion: readDataVersion(objectMember(wrapper, 'dataVersion')), topics, queueMappings };
}

/** Reads the compressed form. */
export function decodeCompressedRegisterBody(body: Uint8Array | null, senderVersion: number): RegisterBody {
  if (body === null) return EMPTY_REGISTER_BODY;
  const pieces = new Pieces(inflated(body));
  const dataVersion = readDataVersion(bodyObject(pieces.next()) ?? {});
  const topics: TopicConfig[] = [];
  for (let left = pieces.int32(); left > 0; left--) topics.push(readTopicLine(Buffer.from(pieces.next()).toString()));
  pieces.next(); // The list of filter servers, which nothing has used since 4.x.
  const queueMappings: TopicQueueMappingInfo[] = [];
  if (senderVersion >= Version.V5_0_0) {
    for (let left = pieces.int32(); left > 0; left--) queueMappings.push(readMapping(bodyObject(pieces.next()) ?? {}));
  }
  return { dataVersion, topics, queueMappings };
}

function inflated(body: Uint8Array): Buffer {
  try {
    return inflateSync(body, { maxOutputLength: INFLATED_SIZE_MAX_BYTES });
  } catch (cause) {
    throw new HeaderError(`the compressed body cannot be read: ${(cause as Error).message}`);
  }
}

/** `name readQueueNums writeQueueNums perm filterType {attributes}`. */
function topicLine({
  topicName,
  readQueueNums,
  writeQueueNums,
  perm,
  topicFilterType,
  attributes,
}: TopicConfig): string {
  return `${topicName} ${readQueueNums} ${writeQueueNums} ${perm} ${topicFilterType} ${JSON.stringify(attributes)}`;
}

function readTopicLine(line: string): TopicConfig {
  const [topicName, readQueueNums, writeQueueNums, perm, topicFilterType, ...rest] = line.split(' ');
  if (topicName === undefined || topicFilterType === undefined)
    throw new HeaderError(`a topic without settings: ${line}`);
  const attributes = rest.length === 0 ? {} : (bodyObject(Buffer.from(rest.join(' '))) ?? {});
  return readTopicConfig({
    topicName,
    readQueueNums: readQueueNums!,
    writeQueueNums: writeQueueNums!,
    perm: perm!,
    topicFilterType: filterType(topicFilterType),
    attributes,
  });
}

function readMapping(object: JsonObject): TopicQueueMappingInfo {
  const currIdMap = new Map<number, number>();
  const ids = objectMember(object, 'currIdMap');
  for (const logical of Object.keys(ids)) currIdMap.set(Number(logical), numberMember(ids, logical, 0));
  return {
    bname: stringMember(object, 'bname', ''),
    currIdMap,
    dirty: booleanMember(object, 'dirty', false),
    epoch: numberMember(object, 'epoch', 0),
    scope: stringMember(object, 'scope', ''),
    topic: stringMember(object, 'topic', ''),
    totalQueues: numberMember(object, 'totalQueues', 0),
  };
}

function plainMapping(mapping: TopicQueueMappingInfo): Record<string, unknown> {
  return { ...mapping, currIdMap: Object.fromEntries(mapping.currIdMap) };
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(Int32Array.BYTES_PER_ELEMENT);
  bytes.writeInt32BE(value);
  return bytes;
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int32(bytes.length), bytes]);
}

/** Walks the inflated stream; what does not fit it is a HeaderError. */
class Pieces {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int32(): number {
    const end = this.#at + Int32Array.BYTES_PER_ELEMENT;
    if (end > this.#bytes.length) throw new HeaderError('the compressed body ends too early');
    const value = this.#bytes.readInt32BE(this.#at);
    this.#at = end;
    return value;
  }

  /** The next length-prefixed piece. */
  next(): Uint8Array {
    const length = this.int32();
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length)
      throw new HeaderError(`the compressed body has a piece of ${length} bytes`);
    const piece = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return piece;
  }
}
