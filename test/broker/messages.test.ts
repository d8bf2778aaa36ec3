/** Messages by key and by offset: what is asked of the index, and what is answered when nothing is found. */
import { beforeEach, describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import { ControlHarness } from './coordinator-harness.ts';

let control: ControlHarness;

beforeEach(() => {
  control = new ControlHarness();
  control.open(1);
});

function query(fields: Record<string, string | number> = {}) {
  const asked = { topic: 'T', key: 'k', maxNum: 10, beginTimestamp: 5, endTimestamp: 9, ...fields };
  return control.request(1, RequestCode.QUERY_MESSAGE, asked);
}

describe('messages by key', () => {
  it('are sent one behind the other, with how far the index is', () => {
    control.messages.records.set(0, Buffer.from('first ')).set(9, Buffer.from('second'));
    control.messages.keys.set('T#k', [0, 9]);
    const answer = query();
    expect(answer).toMatchObject({ code: ResponseCode.SUCCESS, remark: null });
    expect(Buffer.from(answer!.body!).toString()).toBe('first second');
    expect(Object.fromEntries(answer!.extFields!)).toEqual({
      indexLastUpdateTimestamp: '7',
      indexLastUpdatePhyoffset: '5',
    });
    expect(control.messages.asked).toEqual([{ topic: 'T', key: 'k', max: 10, begin: 5, end: 9 }]);
  });

  it('are 64 at most, 32 of a unique key', () => {
    query({ maxNum: 1000 });
    query({ maxNum: 1, _UNIQUE_KEY_QUERY: 'true' });
    expect(control.messages.asked.map(({ max }) => max)).toEqual([64, 32]);
  });

  it('that are not there are answered as Apache does', () => {
    const answer = query();
    expect(answer).toMatchObject({ code: ResponseCode.QUERY_NOT_FOUND, body: null });
    expect(Object.fromEntries(answer!.extFields!)).toEqual({
      indexLastUpdateTimestamp: '0',
      indexLastUpdatePhyoffset: '0',
    });
  });

  it('are to be asked for again while the index goes over to its next file', () => {
    control.messages.isChanging = true;
    expect(query()).toMatchObject({ code: ResponseCode.SYSTEM_BUSY, remark: expect.stringContaining('ask again') });
  });

  it('cannot be found without an index, which the answer says', () => {
    control.messages.areIndexed = false;
    expect(query()).toMatchObject({
      code: ResponseCode.QUERY_NOT_FOUND,
      remark: expect.stringContaining('messageIndexEnable'),
    });
  });

  it.each(['topic', 'key', 'maxNum', 'beginTimestamp', 'endTimestamp'])('need %s', (field) => {
    const asked: Record<string, string | number> = {
      topic: 'T',
      key: 'k',
      maxNum: 1,
      beginTimestamp: 0,
      endTimestamp: 1,
    };
    delete asked[field];
    expect(control.request(1, RequestCode.QUERY_MESSAGE, asked)?.code).not.toBe(ResponseCode.SUCCESS);
    expect(control.messages.asked).toEqual([]);
  });
});

describe('a message by its offset', () => {
  it('is sent as it lies in the log', () => {
    control.messages.records.set(40, Buffer.from('a record'));
    const answer = control.request(1, RequestCode.VIEW_MESSAGE_BY_ID, { topic: 'T', offset: 40 });
    expect(answer).toMatchObject({ code: ResponseCode.SUCCESS, remark: null });
    expect(Buffer.from(answer!.body!).toString()).toBe('a record');
  });

  it('that is not there is refused', () => {
    expect(control.request(1, RequestCode.VIEW_MESSAGE_BY_ID, { offset: 41 })).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'can not find message by the offset, 41',
    });
  });
});
