/**
 * The HTML report: one file that needs no network, with everything drawn beforehand and the whole result inside as JSON. Pure; called by
 * bench.ts at the end of a run.
 */
import { count, duration, listed } from '../quantities.ts';
import { allRemarks, verifiedTotals } from '../remarks.ts';
import type { BenchResult, SubjectResult } from '../result.ts';
import { keyFigures } from './key-figures.ts';
import { latencySection } from './latency-section.ts';
import { stageSection } from './stage-section.ts';
import { STYLE } from './style.ts';
import { escapeText } from './svg.ts';
import { courseSection, throughputSection } from './throughput-section.ts';

export function reportPage(result: BenchResult): string {
  const title = `Benchmark of ${listed(result.subjects.map((subject) => subject.name))}`;
  const sections = result.ok
    ? [keyFigures, throughputSection, latencySection, courseSection, stageSection].map((section) => section(result))
    : [];
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeText(title)}</h1>
<div class="soft">${escapeText(subtitle(result))}</div>
${verdict(result)}
${sections.join('\n')}
${circumstances(result)}
</main>
<script type="application/json" id="result">${JSON.stringify(result).replace(/</g, '\\u003c')}</script>
</body>
</html>
`;
}

function subtitle({ startedAt, software, machine }: BenchResult): string {
  const date = startedAt.replace('T', ' ').replace(/:\d\d\.\d+Z$/, ' UTC');
  return `${date} · RingMQ ${software.version}${software.commit === null ? '' : ` (${software.commit})`} · Node ${software.node} · ${machine.cores} × ${machine.cpu}`;
}

function verdict(result: BenchResult): string {
  if (!result.ok) {
    const failures = result.failures.map((failure) => `<li>${escapeText(failure)}</li>`);
    return `<div class="verdict bad">Verification failed, so there are no figures.<ul>${failures.join('')}</ul></div>`;
  }
  const { expected, duplicates } = verifiedTotals(result);
  const doubled = duplicates === 0 ? 'none twice' : `${count(duplicates)} of them twice`;
  return `<div class="verdict good">✓ Verified: all ${count(expected)} acknowledged messages were read back, unharmed and in order, ${doubled}.</div>${remarkList(result)}`;
}

function remarkList(result: BenchResult): string {
  const remarks = allRemarks(result).map((remark) => `<li>${escapeText(remark)}</li>`);
  return remarks.length === 0 ? '' : `<ul class="soft">${remarks.join('')}</ul>`;
}

function circumstances(result: BenchResult): string {
  const { machine, software, load } = result;
  const sync = machine.disk.fdatasync;
  const facts: [string, string][] = [
    ['Machine', `${machine.cores} × ${machine.cpu}, ${Math.round(machine.memoryBytes / 2 ** 30)} GiB of memory`],
    ['System', `${machine.system}, Node ${software.node}`],
    ['Disk', machine.disk.kind],
    [
      'fdatasync of 4 KiB',
      sync === null
        ? 'not measured'
        : `p50 ${duration(sync.percentilesUs['50'] ?? 0)}, p99 ${duration(sync.percentilesUs['99'] ?? 0)}, max ${duration(sync.maxUs)} (${count(sync.count)} on written blocks)`,
    ],
    ['RingMQ', `${software.version}, commit ${software.commit ?? 'unknown'}`],
    ...result.subjects.map((subject): [string, string] => [subject.name, describeSubject(subject)]),
    [
      'Load',
      `${count(load.bodyBytes)} bytes a message, ${count(load.topics)} topic(s) of ${count(load.queues)} queues, ${load.connections} connections, ` +
        `${load.header} headers, ${load.loadThreads} load thread(s), one thread that reads`,
    ],
    ['Took', `${result.elapsedSeconds.toFixed(0)} s`],
  ];
  const list = facts.map(([name, text]) => `<dt>${escapeText(name)}</dt><dd>${escapeText(text)}</dd>`);
  return `<section><h2>Circumstances</h2><dl>${list.join('')}</dl><pre>${escapeText(result.command)}</pre></section>`;
}

function describeSubject({ version, address, flush, placement, throughput, latency }: SubjectResult): string {
  const receipt = [...throughput, ...latency][0]?.durability;
  const parts = [version, `at ${address}`];
  if (flush !== null) parts.push(`${flush} flush`);
  if (placement !== null) parts.push(`placement ${placement}`);
  if (receipt !== null && receipt !== undefined) parts.push(`acknowledges when ${receipt}`);
  return parts.join(', ');
}
