/** A table of text in HTML. Pure; called by the sections. */
import { escapeText } from './svg.ts';

export type Cell = string;

export function table(titles: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const head = titles.map((title) => `<th scope="col">${escapeText(title)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${escapeText(cell)}</td>`).join('')}</tr>`).join('\n');
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}
