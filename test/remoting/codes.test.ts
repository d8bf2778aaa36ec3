import { describe, expect, it } from 'vitest';
import { PropertyName } from '../../src/layout/property-names.ts';
import {
  LANGUAGES,
  languageByte,
  languageName,
  RequestCode,
  ResponseCode,
  requestCodeName,
  responseCodeName,
  VERSION_CURRENT,
  Version,
} from '../../src/remoting/codes.ts';
import { goldenJson } from '../support/golden.ts';

interface Constants {
  readonly currentVersion: number;
  readonly languages: readonly { byte: number; name: string }[];
  readonly requestCodes: Readonly<Record<string, number>>;
  readonly responseCodes: Readonly<Record<string, number>>;
  readonly versions: Readonly<Record<string, number>>;
  readonly messageProperties: Readonly<Record<string, string>>;
}

const constants = goldenJson<Constants>('answers/constants.json');

describe('codes', () => {
  it('are those of Apache 5.3.3', () => {
    expect(RequestCode).toEqual(constants.requestCodes);
    expect(ResponseCode).toEqual(constants.responseCodes);
    expect(VERSION_CURRENT).toBe(constants.currentVersion);
    expect(constants.versions).toMatchObject(Version);
    expect(LANGUAGES.map((name, byte) => ({ byte, name }))).toEqual(constants.languages);
  });

  it('have names', () => {
    expect(requestCodeName(310)).toBe('SEND_MESSAGE_V2');
    expect(responseCodeName(-1006)).toBe('RPC_TIME_OUT');
    expect(requestCodeName(9999)).toBe('9999');
  });

  it('count an unknown language as OTHER', () => {
    expect(languageName(9)).toBe('GO');
    expect(languageByte('GO')).toBe(9);
    expect(languageName(99)).toBe('OTHER');
    expect(languageByte('COBOL')).toBe(7);
  });
});

describe('property names', () => {
  it('are those of Apache 5.3.3', () => {
    const { KEY_SEPARATOR: _, ...names } = constants.messageProperties;
    expect(Object.values(PropertyName).sort()).toEqual(Object.values(names).sort());
  });
});
