import { describe, expect, it } from 'vitest';
import { messageIdOf, parseMessageId } from '../../src/layout/message-id.ts';
import { encodeHost } from '../../src/layout/message-record.ts';
import { goldenJson } from '../support/golden.ts';

interface Row {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly offset: number | bigint;
  readonly id: string;
}

interface OddInput {
  readonly id: string;
  readonly ok: boolean;
  readonly offset?: number;
}

const { rows, oddInputs } = goldenJson<{ rows: Row[]; oddInputs: OddInput[] }>('answers/offset-message-ids.json');

describe('answers/offset-message-ids', () => {
  it.each(rows)('$id', ({ address, host, port, offset, id }) => {
    expect(messageIdOf(encodeHost(host, port), offset)).toBe(id);
    const parsed = parseMessageId(id)!;
    expect(parsed.logOffset).toBe(BigInt(offset));
    expect(Buffer.from(parsed.storeHost).toString('hex')).toBe(address + port.toString(16).padStart(8, '0'));
  });

  // Java turns letters that are no hex digits into some number: refusing them names no wrong record.
  it.each(oddInputs)('$id', ({ id, ok, offset }) => {
    const isHex = /^[\dA-F]+$/i.test(id);
    expect(parseMessageId(id)?.logOffset).toBe(ok && isHex ? BigInt(offset!) : undefined);
  });

  it('reads the unique keys of clients, whose form is the same', () => {
    const { rows: unique } = goldenJson<{ rows: { id: string }[] }>('answers/unique-ids.json');
    for (const { id } of unique) expect(parseMessageId(id)).not.toBeNull();
  });
});
