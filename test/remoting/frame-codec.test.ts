import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FrameError, type RemotingCommand } from '../../src/remoting/command.ts';
import {
  decodeFrame,
  encodeFrame,
  isOneWay,
  isResponse,
  requestOf,
  responseTo,
} from '../../src/remoting/frame-codec.ts';
import { goldenJson } from '../support/golden.ts';
import { MODES, presentFields, recordedBytes, recordedFrames } from '../support/recorded-frames.ts';

function plain(command: RemotingCommand): object {
  const body = command.body === null ? null : Buffer.from(command.body).toString('base64');
  return { ...command, body, extFields: Object.fromEntries(command.extFields ?? []) };
}

function decodeWhole(frame: Uint8Array): RemotingCommand {
  return decodeFrame(frame, 0, frame.length);
}

describe.each(MODES)('recorded %s frames', (mode) => {
  const frames = recordedFrames(mode);

  it('decode to what the recorder wrote down', () => {
    expect(frames.length).toBeGreaterThan(300);
    for (const frame of frames) {
      const bytes = recordedBytes(mode, frame);
      const command = decodeWhole(bytes);
      expect(bytes.length, frame.file).toBe(frame.frameLength);
      expect(plain(command), frame.file).toMatchObject({
        code: frame.code,
        flag: frame.flag,
        opaque: frame.opaque,
        language: frame.language,
        version: frame.version,
        remark: frame.remark,
        extFields: presentFields(frame.extFields),
      });
      expect(command.body?.length ?? 0, frame.file).toBe(frame.bodyLength);
      const sha256 = createHash('sha256')
        .update(command.body ?? '')
        .digest('hex');
      if (frame.bodyLength > 0) expect(sha256, frame.file).toBe(frame.bodySha256);
    }
  });

  it('survive encoding, in either serialization', () => {
    for (const frame of frames) {
      const command = decodeWhole(recordedBytes(mode, frame));
      expect(plain(decodeWhole(encodeFrame(command))), frame.file).toEqual(plain(command));
      // ROCKETMQ has 16 bits for the code and none for an empty value.
      if (command.code > 0x7fff || [...(command.extFields?.values() ?? [])].includes('')) continue;
      const other: RemotingCommand = {
        ...command,
        serializeType: mode === 'json' ? 1 : 0,
        remark: command.remark || null,
      };
      expect(plain(decodeWhole(encodeFrame(other))), frame.file).toEqual(plain(other));
    }
  });
});

interface HeaderRow {
  readonly case: string;
  readonly frameHex?: string;
  readonly frameBase64?: string;
  readonly bodyBase64: string | null;
  readonly decoded?: Record<string, unknown> & { readonly extFields: Record<string, string | null> | null };
}

describe('answers/headers', () => {
  const { rows } = goldenJson<{ rows: HeaderRow[] }>('answers/headers.json');

  it.each(rows.filter((row) => row.decoded !== undefined))(
    '$serialize $case $code',
    ({ frameHex, frameBase64, decoded }) => {
      const frame = frameHex === undefined ? Buffer.from(frameBase64!, 'base64') : Buffer.from(frameHex, 'hex');
      const command = decodeWhole(frame);
      // The recorder wrote "(null)" for the null key that Java makes of an empty one.
      const extFields = presentFields(decoded!.extFields);
      if (extFields['(null)'] !== undefined) {
        extFields[''] = extFields['(null)'];
        delete extFields['(null)'];
      }
      expect(plain(command)).toMatchObject({ ...decoded, extFields });
      expect(plain(decodeWhole(encodeFrame(command)))).toEqual(plain(command));
    },
  );
});

describe('answers/bad-frames', () => {
  const { rows } = goldenJson<{ rows: { hex: string; ok: boolean; language: string | null }[] }>(
    'answers/bad-frames.json',
  );

  it.each(rows)('$hex', ({ hex, ok, language, ...fields }) => {
    const frame = Buffer.from(hex, 'hex');
    if (!ok) {
      expect(() => decodeWhole(frame)).toThrow(FrameError);
      return;
    }
    expect(decodeWhole(frame)).toMatchObject({ ...fields, language: language ?? 'OTHER' });
  });
});

describe('commands', () => {
  it('are answered with their opaque and serialization', () => {
    const request: RemotingCommand = { ...requestOf(105, -7), serializeType: 1 };
    const response = decodeWhole(encodeFrame(responseTo(request, 17, 'no route')));
    expect(response).toEqual({
      code: 17,
      language: 'JAVA',
      version: 479,
      opaque: -7,
      flag: 1,
      remark: 'no route',
      extFields: null,
      body: null,
      serializeType: 1,
    });
    expect(isResponse(response.flag)).toBe(true);
    expect(isResponse(request.flag)).toBe(false);
    expect(isOneWay(3)).toBe(true);
    expect(isOneWay(1)).toBe(false);
  });

  it('may hold numbers without quotes, a final newline, unknown members and a name from Object.prototype', () => {
    const header =
      '{"code":"105","extFields":{"n":5,"b":true,"z":null,"__proto__":"p"},"flag":0,"language":"COBOL","opaque":1,"x":{}}\n';
    const frame = Buffer.concat([
      Buffer.from([0, 0, 0, 4 + header.length, 0, 0, 0, header.length]),
      Buffer.from(header),
    ]);
    const command = decodeWhole(frame);
    expect(command).toMatchObject({ code: 105, version: 0, language: 'COBOL', remark: null });
    expect([...command.extFields!]).toEqual([
      ['n', '5'],
      ['b', 'true'],
      ['__proto__', 'p'],
    ]);
    expect(decodeWhole(encodeFrame(command)).extFields).toEqual(command.extFields);
  });

  it.each([
    '[]',
    'null',
    '"x"',
    '{"code":"x"}',
    '{"code":1.5}',
    '{"code":2147483648}',
    '{"extFields":[]}',
    '{"remark":{}}',
    '{"extFields":{"a":{}}}',
  ])('are no frame with the header %s', (header) => {
    const frame = Buffer.concat([
      Buffer.from([0, 0, 0, 4 + header.length, 0, 0, 0, header.length]),
      Buffer.from(header),
    ]);
    expect(() => decodeWhole(frame)).toThrow(FrameError);
  });

  it('are refused when they make no legal frame', () => {
    expect(() => encodeFrame(requestOf(1, 1, null, new Uint8Array(16 * 1024 * 1024)))).toThrow(RangeError);
    const longKey = { ...requestOf(1, 1, new Map([['k'.repeat(32_768), 'v']])), serializeType: 1 as const };
    expect(() => encodeFrame(longKey)).toThrow(RangeError);
  });
});
