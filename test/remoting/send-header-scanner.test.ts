import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LANGUAGES, VERSION_CURRENT } from '../../src/remoting/codes.ts';
import { FrameError, HeaderError, type RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame } from '../../src/remoting/frame-codec.ts';
import { SEND_FIELD_NAMES, SendHeader, sendHeaderOf } from '../../src/remoting/send-header.ts';
import { scanSendHeader } from '../../src/remoting/send-header-scanner.ts';
import { jsonFrame } from '../support/json-frames.ts';
import { goClientSend, MODES, recordedBytes, recordedFrames } from '../support/recorded-frames.ts';
import { expectAgreementOnDamaged, expectAgreementOnRandom } from './agreement.ts';
import { bytesPerCall } from './allocation.ts';

/** What the ranges say, without where they lie. */
function readable(header: SendHeader): object {
  const { names, properties, body, scratch: _, ...rest } = header;
  const numbers = Object.fromEntries(Object.entries(rest).filter(([name]) => !/(Start|End)$/.test(name)));
  return {
    ...numbers,
    topic: Buffer.from(names.slice(header.topicStart, header.topicEnd)).toString(),
    defaultTopic: Buffer.from(names.slice(header.defaultTopicStart, header.defaultTopicEnd)).toString(),
    properties: Buffer.from(properties.slice(header.propertiesStart, header.propertiesEnd)).toString(),
    body: Buffer.from(body.slice(header.bodyStart, header.bodyEnd)).toString('hex'),
  };
}

/** The general path's reading, or null when it refuses. */
function byGeneralPath(frame: Uint8Array): object | null {
  const header = new SendHeader();
  try {
    sendHeaderOf(decodeFrame(frame, 0, frame.length), header);
  } catch (error) {
    if (error instanceof HeaderError || error instanceof FrameError) return null;
    throw error;
  }
  return readable(header);
}

const into = new SendHeader();

/** The scanner's reading, or null when it gives up. The frame lies in the middle of a chunk. */
function byScanner(frame: Uint8Array): object | null {
  const chunk = Buffer.concat([Buffer.alloc(3, '"'), frame, Buffer.alloc(5, '"')]);
  return scanSendHeader(chunk, 3, 3 + frame.length, into) ? readable(into) : null;
}

const SENDS = new Set([10, 310, 320]);

describe.each(MODES)('recorded %s sends', (mode) => {
  const sends = recordedFrames(mode).filter((frame) => SENDS.has(frame.code) && (frame.flag & 1) === 0);

  it.each(sends.map((frame) => [frame.file, frame] as const))('%s', (_, frame) => {
    const bytes = recordedBytes(mode, frame);
    const expected = byGeneralPath(bytes);
    const scanned = byScanner(bytes);
    expect(scanned).toEqual(expected === null || hasUnusualTopic(expected) ? null : expected);
  });
});

/** The recorder sent topics that no client lets through. */
function hasUnusualTopic(header: object): boolean {
  const { topic } = header as { topic: string };
  return !/^[\x20-\x7e]*$/.test(topic) || /["\\]/.test(topic);
}

describe('scanSendHeader', () => {
  it('reads what the Go client sends: other order of members, more escapes', () => {
    const scanned = byScanner(goClientSend());
    expect(scanned).toMatchObject({
      language: 9,
      version: 317,
      topic: 'T_Go',
      queueId: 3,
      bornTimestamp: 1795405852843,
    });
    expect(scanned).toMatchObject({
      properties: 'KEYS\u0001<a>&"b"\\/\b\f\n\r\t\u2028中😀é\u0002WAIT\u0001true\u0002',
    });
    expect(scanned).toEqual(byGeneralPath(goClientSend()));
  });

  const v2 = '"a":"P","b":"T","c":"TBW102","d":"4","e":"0","f":"0","g":"1","h":"0"';
  const withFields = (fields: string, code = 310) => jsonFrame(`{"code":${code},"extFields":{${fields}},"opaque":1}`);

  it('takes the defaults of what is absent', () => {
    byScanner(withFields(`${v2},"i":"x\u0001y","j":"3","l":"5","m":"true"`.replaceAll('\u0001', '\\u0001')));
    expect(byScanner(withFields(v2))).toMatchObject({
      language: 0,
      version: 0,
      flag: 0,
      reconsumeTimes: 0,
      maxReconsumeTimes: -1,
      batch: false,
      properties: '',
    });
  });

  it.each([
    ['a missing field', withFields(v2.replace('"h":"0"', '"z":"0"'))],
    ['a field twice', withFields(`${v2},"e":"1"`)],
    ['no number', withFields(v2.replace('"e":"0"', '"e":"x"'))],
    ['an empty number', withFields(v2.replace('"e":"0"', '"e":""'))],
    ['a number beyond int32', withFields(v2.replace('"e":"0"', '"e":"2147483648"'))],
    ['a number without quotes', withFields(v2.replace('"e":"0"', '"e":0'))],
    ['an escaped topic', withFields(v2.replace('"T"', '"\\u0054"'))],
    ['a topic that is not ASCII', withFields(v2.replace('"T"', '"é"'))],
    ['a lone surrogate', withFields(`${v2},"i":"\\ud83d"`)],
    ['a lone low surrogate', withFields(`${v2},"i":"\\ude00"`)],
    ['a surrogate before another escape', withFields(`${v2},"i":"\\ud83d\\u0001"`)],
    ['an unknown escape', withFields(`${v2},"i":"\\q"`)],
    ['a raw control character', withFields(`${v2},"i":"\u0001"`)],
    ['a boolean that is none', withFields(`${v2},"m":"yes"`)],
    ['another code', withFields(v2, 11)],
    ['blanks', withFields(` ${v2}`)],
    ['no extFields', jsonFrame('{"code":310,"opaque":1}')],
    ['the code last', jsonFrame(`{"extFields":{${v2}},"code":310}`)],
    ['a second object', jsonFrame(`{"code":310,"extFields":{${v2}}}{}`)],
    ['a code with a leading zero', jsonFrame(`{"code":0310,"extFields":{${v2}}}`)],
    ['an unknown member', jsonFrame(`{"code":310,"extFields":{${v2}},"x":1}`)],
    ['no JSON', jsonFrame('hello, world')],
    ['an empty header', jsonFrame('')],
  ])('leaves %s to the general path', (_, frame) => {
    expect(byScanner(frame)).toBeNull();
  });

  it('gives up at every truncation, and reads nothing behind the header', () => {
    const whole = withFields(v2);
    const header = whole.subarray(8).toString();
    for (let length = 0; length < header.length; length++)
      expect(byScanner(jsonFrame(header.slice(0, length)))).toBeNull();
    const frame = Buffer.from(whole);
    // The header ends early, its rest is taken for a body.
    frame.writeInt32BE(header.length - 3, 4);
    expect(byScanner(frame)).toBeNull();
  });

  it('gives up on properties longer than its scratch memory', () => {
    expect(byScanner(withFields(`${v2},"i":"${'v'.repeat(65_000)}"`))).not.toBeNull();
    expect(byScanner(withFields(`${v2},"i":"${'v'.repeat(66_000)}"`))).toBeNull();
  });

  it.each(MODES)('allocates nothing for %s', (mode) => {
    const sends = recordedFrames(mode).filter(({ code, flag }) => code === 310 && (flag & 1) === 0);
    const first = recordedBytes(mode, sends[0]!);
    const chunk = Buffer.concat([first, recordedBytes(mode, sends[1]!)]);
    const bytes = bytesPerCall(() => {
      scanSendHeader(chunk, 0, first.length, into);
      scanSendHeader(chunk, first.length, chunk.length, into);
    });
    // A heap number has 16.
    expect(bytes).toBeLessThan(8);
  });
});

const text = fc.string({ unit: 'binary', maxLength: 20 });
const number = fc.oneof(
  fc.integer().map(String),
  fc.maxSafeInteger().map(String),
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String),
  fc.constantFrom('', '+1', '-', '-0', '007', '1.0', ' 1', '99999999999999999999'),
);
const topic = fc.oneof(
  { weight: 5, arbitrary: fc.stringMatching(/^[%|a-zA-Z0-9_-]{1,30}$/) },
  { weight: 1, arbitrary: text },
);
const numbers = new Set(['defaultTopicQueueNums', 'queueId', 'sysFlag', 'flag', 'reconsumeTimes', 'maxReconsumeTimes']);

function textFor(name: string): fc.Arbitrary<string> {
  if (name === 'topic' || name === 'defaultTopic') return topic;
  if (name === 'bornTimestamp')
    return fc.oneof({ weight: 5, arbitrary: fc.nat(2e12).map(String) }, { weight: 1, arbitrary: number });
  if (numbers.has(name))
    return fc.oneof({ weight: 9, arbitrary: fc.integer().map(String) }, { weight: 1, arbitrary: number });
  if (name === 'batch' || name === 'unitMode') return fc.constantFrom('true', 'false', 'true', 'false', 'TRUE', '');
  return text;
}

const required = SEND_FIELD_NAMES.slice(0, 8);
const fields = fc.record(Object.fromEntries(SEND_FIELD_NAMES.map((name) => [name, textFor(name)])), {
  requiredKeys: [...required],
});

/** Sends with fields as clients have them, sometimes missing, garbled, or in company of unknown ones, in any order. */
const command: fc.Arbitrary<RemotingCommand> = fc
  .record({
    code: fc.constantFrom(10, 310, 320),
    language: fc.constantFrom(...LANGUAGES),
    version: fc.constantFrom(0, 317, VERSION_CURRENT),
    opaque: fc.integer(),
    flag: fc.constantFrom(0, 2),
    remark: fc.constantFrom(null, null, '', 'remark'),
    known: fields,
    unknown: fc.dictionary(text, text, { maxKeys: 3 }),
    dropped: fc.oneof(
      { weight: 9, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.constantFrom(...required) },
    ),
    shuffle: fc.infiniteStream(fc.nat()),
    body: fc.oneof(fc.constant(null), fc.uint8Array({ minLength: 1, maxLength: 20 })),
    serializeType: fc.constantFrom(0 as const, 1 as const),
  })
  .map(({ known, unknown, dropped, shuffle, ...rest }) => {
    const entries = Object.entries(known)
      .filter(([name]) => name !== dropped)
      .map(([name, value]) => [rest.code === 10 ? name : letterOf(name), value ?? ''] as const);
    const all = [...Object.entries(unknown), ...entries].map((entry) => ({ entry, key: shuffle.next().value }));
    all.sort((a, b) => a.key - b.key);
    return { ...rest, extFields: new Map(all.map(({ entry }) => entry)) };
  });

function letterOf(name: string): string {
  return String.fromCharCode('a'.charCodeAt(0) + (SEND_FIELD_NAMES as readonly string[]).indexOf(name));
}

describe('the scanner and the general path', () => {
  it('agree on random sends', () => {
    expectAgreementOnRandom({ byScanner, byGeneralPath }, command);
  });

  it('agree on damaged sends', () => {
    const originals = [
      goClientSend(),
      ...MODES.flatMap((mode) =>
        recordedFrames(mode)
          .filter(({ code, bodyLength }) => code === 310 && bodyLength < 100)
          .map((frame) => recordedBytes(mode, frame)),
      ),
    ];
    expectAgreementOnDamaged({ byScanner, byGeneralPath }, originals);
  });
});
