/** The report's style sheet: one set of colours for light, one for dark, chosen by the reader's system. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #16202c; --soft: #5b6877; --rule: #e2e6eb; --grid: #edf0f3;
  --c0: #2563c9; --c1: #c8590e; --c2: #0f8a6c; --c3: #8a45c0; --good: #0f8a5f; --bad: #c62f2f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10151b; --card: #181f27; --text: #e6ebf0; --soft: #93a1b0; --rule: #2b3540; --grid: #232c36;
    --c0: #6ea6ff; --c1: #ff9d57; --c2: #4fd1ad; --c3: #c79bff; --good: #4fd1ad; --bad: #ff7b7b;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 44px 0 4px; }
h3 { font-size: 14px; margin: 0 0 8px; font-weight: 600; }
p { margin: 4px 0 14px; max-width: 78ch; }
.soft, figcaption { color: var(--soft); }
.cards { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); margin: 24px 0 0; }
.charts { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.charts.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
.card, figure { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 16px 18px; margin: 0; min-width: 0; }
.card { padding: 14px; }
.card .name { color: var(--soft); font-size: 13px; min-height: 3em; }
.card .rows { display: grid; gap: 2px; margin-top: 6px; }
.card .row { display: flex; justify-content: space-between; align-items: baseline; gap: 8px; font-size: 13px; white-space: nowrap; flex-wrap: wrap; }
.card .big { margin-left: auto; font-size: 18px; font-weight: 650; font-variant-numeric: tabular-nums; letter-spacing: -0.02em; white-space: nowrap; }
.verdict { display: inline-block; margin: 18px 0 0; padding: 8px 14px; border-radius: 8px; border: 1px solid currentColor; font-weight: 600; }
.verdict.good { color: var(--good); } .verdict.bad { color: var(--bad); }
.verdict ul { margin: 6px 0 0; padding-left: 20px; font-weight: 400; }
figcaption { font-size: 13px; margin-top: 6px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 14px; padding: 0; list-style: none; font-size: 13.5px; }
.legend li { display: flex; align-items: center; gap: 7px; }
.swatch { width: 18px; height: 0; border-top: 3px solid var(--mine); border-radius: 2px; }
.swatch.dashed { border-top-style: dashed; }
.c0 { --mine: var(--c0); } .c1 { --mine: var(--c1); } .c2 { --mine: var(--c2); } .c3 { --mine: var(--c3); }
svg { display: block; width: 100%; height: auto; overflow: visible; font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
svg text { fill: var(--soft); } svg .value { fill: var(--text); font-weight: 600; font-size: 11.5px; } svg .label { fill: var(--text); }
.grid { stroke: var(--grid); } .line { fill: none; stroke: var(--mine); stroke-width: 2; stroke-linejoin: round; } .dashed { stroke-dasharray: 6 4; }
.bar { fill: var(--mine); } .pale { opacity: 0.35; } .whisker { stroke: var(--mine); stroke-width: 1.5; } .whisker-end { fill: var(--mine); }
.dot { fill: var(--mine); opacity: 0; } .target { fill: transparent; } .point:hover .dot { opacity: 1; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 10px; margin: 16px 0; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 10px; text-align: right; white-space: nowrap; border-top: 1px solid var(--rule); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; white-space: normal; vertical-align: bottom; line-height: 1.25; } th:first-child, td:first-child { text-align: left; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 24px; margin: 12px 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 12px 16px; overflow-x: auto; }
@media print { body { background: none; } figure, .card, .scroll { break-inside: avoid; } }
`;
