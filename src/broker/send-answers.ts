/** Answers to sends that are stored (spec/api.md 5.2, 5.3): the template for single messages, the general path for batches. Run by net. */
import { messageIdOf } from '../layout/message-id.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ, type SerializeType } from '../layout/remoting-frame.ts';
import type { DurabilityStage } from '../remoting/durability-stage.ts';
import { encodeFrame, responseTo } from '../remoting/frame-codec.ts';
import { SendResponseWriter, type StoredCode } from '../remoting/send-response-template.ts';
import type { BrokerSettings } from './broker-settings.ts';
import type { ReplyPort } from './reply-port.ts';

/** A stored send on its way to its answer; one object is filled again for each. */
export class StoredSend {
  reply: ReplyPort | null = null;
  opaque = 0;
  serializeType: SerializeType = SERIALIZE_JSON;
  queueId = 0;
  queueOffset = 0;
  logOffset = 0;
  /** The send is flushed when the log is flushed up to here. */
  logEnd = 0;
  queuedAtUs = 0;
  /** The UNIQ_KEY is `key[keyStart, keyEnd)`. */
  key: Uint8Array = new Uint8Array(0);
  keyStart = 0;
  keyEnd = 0;
  /** Log offsets of the messages of a batch; null for a single one. */
  offsets: readonly number[] | null = null;
}

export type SendAnswerSettings = Pick<BrokerSettings, 'regionId' | 'traceOn'>;

export class SendAnswers {
  readonly #storeHost: Uint8Array;
  readonly #extFields: ReadonlyMap<string, string>;
  readonly #writers: Readonly<Record<SerializeType, SendResponseWriter>>;

  /** `extFields` are those that every answer to a send has. */
  constructor(
    { regionId, traceOn }: SendAnswerSettings,
    storeHost: Uint8Array,
    extFields: ReadonlyMap<string, string>,
  ) {
    this.#storeHost = storeHost;
    this.#extFields = extFields;
    this.#writers = {
      [SERIALIZE_JSON]: new SendResponseWriter(SERIALIZE_JSON, storeHost, regionId, traceOn),
      [SERIALIZE_ROCKETMQ]: new SendResponseWriter(SERIALIZE_ROCKETMQ, storeHost, regionId, traceOn),
    };
  }

  answer(send: StoredSend, code: StoredCode, stage: DurabilityStage): void {
    const reply = send.reply!;
    if (!reply.isOpen) return;
    if (send.offsets !== null) {
      reply.frame(this.#batchAnswer(send, send.offsets, code, stage));
      return;
    }
    const writer = this.#writers[send.serializeType];
    const at = reply.reserve(writer.sizeMax(send.keyEnd - send.keyStart));
    const length = writer.write(
      reply.bytes,
      at,
      send.opaque,
      code,
      send.queueId,
      send.queueOffset,
      send.logOffset,
      send.key,
      send.keyStart,
      send.keyEnd,
      stage,
    );
    reply.wrote(length);
  }

  #batchAnswer(send: StoredSend, offsets: readonly number[], code: StoredCode, stage: DurabilityStage): Uint8Array {
    const key = Buffer.from(send.key.subarray(send.keyStart, send.keyEnd)).toString();
    const fields = new Map([
      ...this.#extFields,
      ['durability', stage],
      ['msgId', offsets.map((offset) => messageIdOf(this.#storeHost, offset)).join(',')],
      ['queueId', String(send.queueId)],
      ['queueOffset', String(send.queueOffset)],
    ]);
    if (key !== '') fields.set('transactionId', key);
    return encodeFrame(responseTo(send, code, null, fields));
  }
}
