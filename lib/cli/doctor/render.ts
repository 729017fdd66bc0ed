// The report of `lcp doctor` as a person reads it. Pure.

import type { AreaReport, Result } from './check.ts';

/** So many in a row are told apart; more are one line. */
const FEW = 3;

/** Failures with what, why it matters and the next step; what was not looked at is said, never passed over. */
export function renderReport(areas: readonly AreaReport[]): string {
  return `${areas.map(renderArea).join('\n')}\n${renderEnd(areas)}`;
}

export function countFailures(areas: readonly AreaReport[]): number {
  return areas.flatMap(({ results }) => results).filter(({ finding }) => finding.status === 'failed').length;
}

function renderArea({ title, notChecked, results }: AreaReport): string {
  if (notChecked !== undefined) return `${title}\n--    not checked: ${notChecked}\n`;
  return `${title}\n${groupUntried(results).map(renderGroup).join('')}`;
}

/** Checks in a row that were not tried, and each other one alone. */
function groupUntried(results: readonly Result[]): readonly (readonly Result[])[] {
  const groups: Result[][] = [];
  for (const result of results) {
    const last = groups.at(-1);
    const isUntried = result.finding.status === 'not-tried';
    if (isUntried && last?.[0]?.finding.status === 'not-tried') last.push(result);
    else groups.push([result]);
  }
  return groups;
}

/** One cause that stops a whole area is said once: forty lines of it would hide the one to begin with. */
function renderGroup(group: readonly Result[]): string {
  const [first] = group;
  if (group.length < FEW || first?.finding.status !== 'not-tried') return group.map(renderResult).join('');
  const text = `${group.length} checks from "${first.check.what}" on`;
  return `--    ${text}\n${indent(`not tried: the first needs "${first.finding.because}"`)}`;
}

function renderResult({ check: { what, why }, finding }: Result): string {
  switch (finding.status) {
    case 'well':
      return `ok    ${what}${finding.note === undefined ? '' : ` (${finding.note})`}\n`;
    case 'failed': {
      const next = finding.next === undefined ? [] : [`Next: ${finding.next}`];
      return `FAIL  ${what}\n${[finding.problem, `Why it matters: ${why}`, ...next].map(indent).join('')}`;
    }
    case 'not-checked':
      return `--    ${what}\n${indent(`not checked: ${finding.reason}`)}`;
    case 'not-tried':
      return `--    ${what}\n${indent(`not tried: it needs "${finding.because}"`)}`;
  }
}

function renderEnd(areas: readonly AreaReport[]): string {
  const all = areas.flatMap(({ results }) => results);
  const count = (status: string) => all.filter(({ finding }) => finding.status === status).length;
  const failures = countFailures(areas);
  const left = count('not-checked') + areas.filter(({ notChecked }) => notChecked !== undefined).length;
  const unseen = left === 0 ? '' : ` Not checked: ${left}; each line says why.`;
  if (failures === 0) return `All well.${unseen}\n`;
  const untried = count('not-tried');
  const behind = untried === 0 ? '' : `, and ${untried} could not be tried behind them`;
  return `${failures} of ${all.length} checks failed${behind}; begin with the first.${unseen}\n`;
}

function indent(text: string): string {
  return `        ${text.replaceAll('\n', '\n        ')}\n`;
}
