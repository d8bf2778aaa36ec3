import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameError, HeaderError, type RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame } from '../../src/remoting/frame-codec.ts';
import { PULL_FIELD_NAMES, PullHeader, PullSysFlag, pullHeaderOf } from '../../src/remoting/pull-header.ts';
import { scanPullHeader } from '../../src/remoting/pull-header-scanner.ts';
import { goldenJson } from '../support/golden.ts';
import { jsonFrame } from '../support/json-frames.ts';
import { MODES, recordedBytes, recordedFrames } from '../support/recorded-frames.ts';
import { expectAgreementOnDamaged, expectAgreementOnRandom } from './agreement.ts';
import { bytesPerCall } from './allocation.ts';

function readable(header: PullHeader): object {
  const numbers = Object.entries(header).filter(([name]) => !/(Start|End|names|body)$/.test(name));
  return {
    ...Object.fromEntries(numbers),
    consumerGroup: Buffer.from(header.names.slice(header.consumerGroupStart, header.consumerGroupEnd)).toString(),
    topic: Buffer.from(header.names.slice(header.topicStart, header.topicEnd)).toString(),
    subscription: header.subscription(),
    expressionType: header.expressionType(),
  };
}

function byGeneralPath(frame: Uint8Array): object | null {
  const header = new PullHeader();
  try {
    pullHeaderOf(decodeFrame(frame, 0, frame.length), header);
  } catch (error) {
    if (error instanceof HeaderError || error instanceof FrameError) return null;
    throw error;
  }
  return readable(header);
}

const into = new PullHeader();

function byScanner(frame: Uint8Array): object | null {
  return scanPullHeader(frame, 0, frame.length, into) ? readable(into) : null;
}

const PULLS = new Set([11, 361]);
const recorded = MODES.flatMap((mode) =>
  recordedFrames(mode)
    .filter((frame) => PULLS.has(frame.code) && (frame.flag & 1) === 0)
    .map((frame) => ({ name: `${mode}/${frame.file}`, bytes: recordedBytes(mode, frame) })),
);

describe('recorded pulls', () => {
  it.each(recorded)('$name', ({ bytes }) => {
    expect(byGeneralPath(bytes)).not.toBeNull();
    expect(byScanner(bytes)).toEqual(byGeneralPath(bytes));
  });
});

describe('scanPullHeader', () => {
  it.each(MODES)('allocates nothing for %s', (mode) => {
    const { bytes } = recorded.find(({ name }) => name.startsWith(mode))!;
    // A heap number has 16.
    expect(bytesPerCall(() => scanPullHeader(bytes, 0, bytes.length, into))).toBeLessThan(8);
  });
});

describe('answers/pull-sysflag', () => {
  const { rows } = goldenJson<{ rows: ({ sysFlag: number } & Record<keyof typeof PullSysFlag, boolean>)[] }>(
    'answers/pull-sysflag.json',
  );

  it('has the bits of Apache', () => {
    expect(rows.length).toBeGreaterThan(0);
    for (const { sysFlag, ...flags } of rows) {
      const set = Object.entries(PullSysFlag).filter(([name]) => flags[name as keyof typeof PullSysFlag]);
      expect(set.reduce((sum, [, bit]) => sum | bit, 0)).toBe(sysFlag);
    }
  });
});

const text = fc.string({ unit: 'binary', maxLength: 20 });
const long = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -1, max: 2e12 }) },
  { weight: 1, arbitrary: fc.maxSafeInteger() },
);
const command: fc.Arbitrary<RemotingCommand> = fc
  .record({
    code: fc.constantFrom(11, 361),
    opaque: fc.integer(),
    names: fc.tuple(fc.stringMatching(/^[\w-]{1,20}$/), fc.oneof(fc.stringMatching(/^[\w-]{1,20}$/), text)),
    numbers: fc.tuple(fc.integer(), long, fc.nat(100), fc.nat(31), long, long, long),
    expression: fc.option(fc.tuple(text, fc.constantFrom('TAG', 'SQL92', '')), { nil: null }),
    keep: fc.array(fc.nat(49), { minLength: PULL_FIELD_NAMES.length, maxLength: PULL_FIELD_NAMES.length }),
    serializeType: fc.constantFrom(0 as const, 1 as const),
  })
  .map(({ names, numbers, expression, keep, ...rest }) => {
    const values = [...names, ...numbers.map(String), ...(expression ?? [])];
    const entries = values.map((value, i) => [PULL_FIELD_NAMES[i]!, value] as const).filter((_, i) => keep[i] !== 0);
    const extFields = new Map<string, string>([['maxMsgBytes', '1'], ...entries, ['bname', 'broker-a']]);
    return { ...rest, language: 'JAVA', version: 479, flag: 0, remark: null, body: null, extFields };
  });

describe('the scanner and the general path', () => {
  it('agree on random pulls', () => {
    expectAgreementOnRandom({ byScanner, byGeneralPath }, command);
  });

  it('agree on a minus before a zero', () => {
    const { bytes } = recorded.find(({ name }) => name.startsWith('json'))!;
    const header = Buffer.from(bytes).toString('utf8', 8).replace('"flag":0', '"flag":-0').replace(/"0"/g, '"-0"');
    const frame = jsonFrame(header);
    expect(header).toContain('"flag":-0');
    expect(byScanner(frame)).toEqual(byGeneralPath(frame));
    expect(byScanner(frame)).toMatchObject({ flag: 0, queueOffset: 0 });
  });

  it('agree on damaged pulls', () => {
    expectAgreementOnDamaged(
      { byScanner, byGeneralPath },
      recorded.map(({ bytes }) => bytes),
    );
  });
});
