import { describe, expect, it } from 'vitest';
import type { HeaderKind } from '../../src/bench/options.ts';
import {
  FIRST_OPAQUE,
  SendBuffer,
  type SendShape,
  SendTemplate,
  TimestampDigits,
} from '../../src/bench/send-frames.ts';
import { BenchBody } from '../../src/layout/bench-body.ts';
import { parseProperties } from '../../src/layout/message-properties.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame } from '../../src/remoting/frame-codec.ts';
import { SendHeader } from '../../src/remoting/send-header.ts';
import { scanSendHeader } from '../../src/remoting/send-header-scanner.ts';

const DESTINATIONS = { topicPrefix: 'bench-topic-', topics: 12, queues: 16 };

function shapeOf(header: HeaderKind, bodyBytes = 100): SendShape {
  return { destinations: DESTINATIONS, bodyBytes, header, stamp: 0x1234 };
}

interface Message {
  readonly opaque: number;
  readonly lane: number;
  readonly sequence: number;
  readonly destination: number;
}

const MESSAGES: readonly Message[] = [
  { opaque: FIRST_OPAQUE, lane: 0, sequence: 0, destination: 0 },
  { opaque: FIRST_OPAQUE + 4_321, lane: 70_000, sequence: 2_000_000_000, destination: 12 * 16 - 1 },
  { opaque: FIRST_OPAQUE + 1, lane: 1, sequence: 9, destination: 13 },
];

function buffered(
  shape: SendShape,
  messages: readonly Message[],
): { frames: Uint8Array[]; commands: RemotingCommand[] } {
  const template = new SendTemplate(shape);
  const buffer = new SendBuffer(template, 1);
  const timestamp = new TimestampDigits();
  timestamp.update();
  for (const { opaque, lane, sequence, destination } of messages) {
    buffer.add(opaque, lane, sequence, destination, 1_234_567.5, timestamp.bytes);
  }
  const size = template.frame.length;
  const frames = messages.map((_message, at) => buffer.bytes.slice(at * size, (at + 1) * size));
  return { frames, commands: frames.map((frame) => decodeFrame(frame, 0, frame.length)) };
}

describe.each(['json', 'rocketmq'] as const)('sends with %s headers', (header) => {
  it('are what the general codec reads as the messages that were asked for', () => {
    const { commands } = buffered(shapeOf(header), MESSAGES);
    commands.forEach((command, at) => {
      const { opaque, destination } = MESSAGES[at] as Message;
      expect(command).toMatchObject({ code: 310, opaque, flag: 0, language: 'JAVA' });
      expect(command.extFields?.get('b')).toBe(`bench-topic-${String(destination % 12).padStart(2, '0')}`);
      expect(Number(command.extFields?.get('e'))).toBe(Math.floor(destination / 12));
      expect(Math.abs(Number(command.extFields?.get('g')) - Date.now())).toBeLessThan(60_000);
    });
  });

  it("are understood by the broker's scanner", () => {
    for (const frame of buffered(shapeOf(header), MESSAGES).frames) {
      expect(scanSendHeader(frame, 0, frame.length, new SendHeader())).toBe(true);
    }
  });

  it('have a key of their own in every message', () => {
    const keys = buffered(shapeOf(header), MESSAGES).commands.map((command) =>
      parseProperties(command.extFields?.get('i') ?? '').get('UNIQ_KEY'),
    );
    expect(keys.every((key) => /^[0-9A-F]{32}$/.test(key ?? ''))).toBe(true);
    expect(new Set(keys).size).toBe(MESSAGES.length);
  });

  it('have bodies that say what they are, until a byte of them changes', () => {
    buffered(shapeOf(header), MESSAGES).commands.forEach((command, at) => {
      const body = Uint8Array.from(command.body as Uint8Array);
      const view = new DataView(body.buffer);
      const read = new BenchBody();
      expect(read.load(view, body, 0, body.length)).toBe(true);
      const { lane, sequence } = MESSAGES[at] as Message;
      expect(read).toMatchObject({ stamp: 0x1234, lane, sequence, intendedUs: 1_234_567.5 });
      for (let byte = 0; byte < body.length; byte++) {
        body[byte]! ^= 0x10;
        expect(read.load(view, body, 0, body.length)).toBe(false);
        body[byte]! ^= 0x10;
      }
    });
  });
});

it('fills a buffer with as many frames as fit, and at least one', () => {
  const template = new SendTemplate(shapeOf('json'));
  const buffer = new SendBuffer(template, 1);
  const timestamp = new TimestampDigits();
  for (let at = 0; at < template.framesPerBuffer; at++) {
    expect(buffer.isFull).toBe(false);
    buffer.add(FIRST_OPAQUE, 0, at, 0, 0, timestamp.bytes);
  }
  expect(buffer.isFull).toBe(true);
  expect(buffer.length).toBe(buffer.bytes.length);
  buffer.clear();
  expect(buffer.length).toBe(0);
  expect(new SendTemplate(shapeOf('json', 1_000_000)).framesPerBuffer).toBe(1);
});
