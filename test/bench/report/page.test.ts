import { expect, it } from 'vitest';
import { reportPage } from '../../../src/bench/report/page.ts';
import { FAILED, sampleResult, sampleSubject } from '../sample-result.ts';

const page = reportPage(sampleResult());

it('needs nothing from anywhere else', () => {
  expect(page).not.toMatch(/https?:|\bsrc=|\bhref=|@import|url\(/);
});

it('says what was measured, where and how', () => {
  for (const text of [
    'RingMQ async',
    'RingMQ sync',
    'abcdef123456',
    'v20.19.0',
    '2 × A Processor',
    '8 GiB',
    'ext4 on /dev/vda',
    'ringmq bench --set a=b',
    'placement full',
    'acknowledges when written',
    'fdatasync of 4 KiB',
  ]) {
    expect(page).toContain(text);
  }
});

it('draws the throughput, the percentiles, the course and the stages of every subject', () => {
  const drawings = page.match(/<svg .*?<\/svg>/gs) ?? [];
  const about = (description: string): string => drawings.find((drawing) => drawing.includes(description)) ?? '';
  expect(about('messages a second by requests in flight').match(/class="bar /g)).toHaveLength(4);
  // Publish and end to end of both.
  expect(about('latency by percentile').match(/class="line /g)).toHaveLength(4);
  expect(about('latency by percentile').match(/class="line c\d dashed"/g)).toHaveLength(2);
  expect(about('latency by percentile')).toContain('>p99.9<');
  expect(about('over time, 256 in flight').match(/class="line /g)).toHaveLength(2);
  expect(about('stage of a send')).toContain('p50 80.0 µs, p99 800 µs, p99.9 8.00 ms, max 80.0 ms');
  expect(drawings.join('')).not.toMatch(/NaN|undefined|Infinity/);
});

it('holds the whole result', () => {
  const json = /<script type="application\/json" id="result">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
  expect(JSON.parse(json)).toEqual(sampleResult());
});

it('does not take what it shows for markup', () => {
  const name = '</script><img src=x onerror=alert(1)>';
  const hostile = reportPage(sampleResult({ command: name, subjects: [sampleSubject(name, 1)] }));
  expect(hostile).not.toContain('<img');
});

it('has colours for light and dark', () => {
  expect(page).toContain('prefers-color-scheme: dark');
});

it('leaves out the stages when no broker told them', () => {
  const subjects = sampleResult().subjects.map((subject) => ({ ...subject, stages: null }));
  expect(reportPage(sampleResult({ subjects }))).not.toContain('Where a send spends its time');
});

it('shows reasons and no figures when verification failed', () => {
  const failed = reportPage(sampleResult(FAILED));
  expect(failed).toContain('3 missing of 250000');
  expect(failed).not.toContain('<svg');
});
